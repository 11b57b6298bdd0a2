import { describe, expect, it } from 'vitest';
import { reasonIn } from './steady.ts';

describe('reasonIn', () => {
  it.each([
    ['', ''],
    ['one\ntwo', 'two'],
    [
      `node:internal/modules/package_json_reader:301
  throw new ERR_MODULE_NOT_FOUND(packageName, fileURLToPath(base), null);
        ^

Error [ERR_MODULE_NOT_FOUND]: Cannot find package 'commander' imported from /opt/enxame/dist/cli/program.js
    at Object.getPackageJSONURL (node:internal/modules/package_json_reader:301:9) {
  code: 'ERR_MODULE_NOT_FOUND'
}

Node.js v22.23.1`,
      "Error [ERR_MODULE_NOT_FOUND]: Cannot find package 'commander' imported from /opt/enxame/dist/cli/program.js",
    ],
    [
      'enxame: join: no such token\nTypeError: x is not a function\n    at f (file:1:1)\n  | detail',
      'enxame: join: no such token',
    ],
    ['{"level":30}\nSyntaxError: Unexpected token\n    at x\n\nNode.js v20', 'SyntaxError: Unexpected token'],
  ])('finds the reason in %j', (log, reason) => {
    expect(reasonIn(log)).toBe(reason);
  });
});
