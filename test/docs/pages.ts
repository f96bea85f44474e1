import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

export const root = path.resolve(import.meta.dirname, '../..');

/** README.md and the pages of docs/, from the root. */
export const PAGES = [
  'README.md',
  ...readdirSync(path.join(root, 'docs'))
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
];

export interface Snippet {
  /** Page and line of the snippet's first line: `docs/options.md:6`. */
  readonly where: string;
  readonly code: string;
}

export function readPage(page: string): string {
  return readFileSync(path.join(root, page), 'utf8');
}

/**
 * The ```ts snippets of a page, each a module of its own. What a snippet takes for granted stands before it in a comment
 * that readers do not see: `<!-- prelude`, code, `-->`.
 */
export function snippetsOf(page: string): Snippet[] {
  const markdown = readPage(page);
  const fences = markdown.matchAll(/(?:<!-- prelude\n([\s\S]*?)-->\s*)?^```ts\n([\s\S]*?)^```$/gm);
  return [...fences].map(({ 0: whole, 1: prelude = '', 2: code = '', index }) => {
    const line = lineAt(markdown, index + whole.indexOf('```ts')) + 1;
    return { where: `${page}:${line}`, code: prelude + code };
  });
}

/** The rows of all tables of a section, cells trimmed, heads left out. */
export function tableRows(page: string, heading?: string): string[][] {
  return sectionOf(readPage(page), heading)
    .split('\n')
    .filter((line) => line.startsWith('|') && !line.startsWith('|--'))
    .map((line) =>
      line
        .slice(1, -1)
        .split(/(?<!\\)\|/)
        .map((cell) => cell.trim()),
    )
    .filter(([first]) => first?.startsWith('`'));
}

/** From a heading of the second level to the next one. */
function sectionOf(markdown: string, heading: string | undefined): string {
  if (heading === undefined) return markdown;
  const [, section] = markdown.split(`\n## ${heading}\n`);
  if (section === undefined) throw new Error(`no section "${heading}"`);
  return section.split('\n## ', 1)[0]!;
}

/** What a table cell in backticks says. */
export function inCode(cell: string | undefined): string {
  return cell?.match(/^`([^`]*)`$/)?.[1] ?? '';
}

function lineAt(markdown: string, offset: number): number {
  return markdown.slice(0, offset).split('\n').length;
}
