import vm from 'node:vm';

/** A module with the given exports. */
function synthetic(name: string, exports: Record<string, unknown>): vm.Module {
  const names = Object.keys(exports);
  const fill = (module: vm.SyntheticModule) => names.forEach((key) => module.setExport(key, exports[key]));
  return new vm.SyntheticModule(
    names,
    function (this: vm.SyntheticModule) {
      fill(this);
    },
    { identifier: name },
  );
}

/**
 * Makes an ES module of JavaScript and links it to what it imports, as this process loads it, or to a stand-in. A name that is not exported is
 * a SyntaxError here. Nothing of the module runs before it is evaluated.
 */
export async function link(
  code: string,
  identifier: string,
  standIns: Record<string, Record<string, unknown>> = {},
): Promise<vm.SourceTextModule> {
  const module = new vm.SourceTextModule(code, { identifier });
  await module.link(async (specifier) => {
    const exports = standIns[specifier] ?? ((await import(specifier)) as Record<string, unknown>);
    return synthetic(specifier, exports);
  });
  return module;
}
