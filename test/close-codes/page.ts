/** What stands around the tables in the page. */
const BEGIN = '<!-- made by npm run close-codes -->\n';
const END = '\n<!-- end -->';

/** The tables of the page. */
export function tableIn(page: string): string {
  const [start, end] = placeIn(page);
  return page.slice(start, end);
}

/** The page with these tables in the place of its own. */
export function withTable(page: string, table: string): string {
  const [start, end] = placeIn(page);
  return page.slice(0, start) + table + page.slice(end);
}

/** The lines that two tables do not have in common, as diff shows them. */
export function difference(documented: string, measured: string): string {
  const [before, after] = [documented.split('\n'), measured.split('\n')];
  return [
    ...before.filter((line) => !after.includes(line)).map((line) => `- ${line}`),
    ...after.filter((line) => !before.includes(line)).map((line) => `+ ${line}`),
  ].join('\n');
}

function placeIn(page: string): [start: number, end: number] {
  const start = page.indexOf(BEGIN) + BEGIN.length;
  const end = page.indexOf(END, start - 1);
  if (start < BEGIN.length || end === -1)
    throw new Error(`The page has no place for the tables: ${BEGIN}${END}`);
  return [start, end];
}
