import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compileTemplate } from './template.ts';

const ROW = { Name: 'Redis_1', Node: { Name: 'rainha', Cpus: 4 }, Labels: { a: 'b' }, Up: true, Nothing: null };

describe('compileTemplate', () => {
  it.each([
    ['{{.Name}}', 'Redis_1'],
    ['{{ .Name }}', 'Redis_1'],
    ['{{.Name}}\\t{{.Node.Name}}', 'Redis_1\trainha'],
    ['{{.Name}}\\n', 'Redis_1\n'],
    ['a\\\\tb', 'a\\tb'],
    ['{{.Node.Cpus}} CPUs, up: {{.Up}}', '4 CPUs, up: true'],
    ['{{json .}}', JSON.stringify(ROW)],
    ['{{json .Labels}}', '{"a":"b"}'],
    ['{{json .Name}}', '"Redis_1"'],
    ['{{upper .Name}} {{lower .Name}}', 'REDIS_1 redis_1'],
    ['{{.Name | lower | json}}', '"redis_1"'],
    ['{{json .Node.Name | upper}}', '"RAINHA"'],
    ['{{.Nothing}}', '<no value>'],
    ['plain', 'plain'],
    ['', ''],
  ])('%s', (template, text) => {
    expect(compileTemplate(template)(ROW)).toBe(text);
  });

  it.each([
    ['{{.Name', 'a {{ is not closed'],
    ['{{range .Ports}}{{end}}', 'the function "range" is not supported'],
    ['{{if .Up}}x{{end}}', 'the function "if" is not supported'],
    ['{{title .Name}}', 'the function "title" is not supported'],
    ['{{Name}}', '{{Name}} is not supported. Fields ({{.Name}}), json, upper and lower'],
    ['{{}}', '{{}} is not supported'],
    ['{{.Name | }}', 'the function "" is not supported'],
    ['{{"x"}}', 'is not supported'],
  ])('explains %s before any row', (template, why) => {
    expect(() => compileTemplate(template)).toThrow(why);
  });

  it.each([
    ['{{.Nmae}}', 'unknown field .Nmae. Known fields: .Name, .Node, .Labels, .Up, .Nothing'],
    ['{{.Name.First}}', 'unknown field .Name.First'],
    ['{{.constructor}}', 'unknown field .constructor'],
    ['{{.Node.toString}}', 'unknown field .Node.toString. Known fields: .Name, .Cpus'],
  ])('explains %s', (template, why) => {
    expect(() => compileTemplate(template)(ROW)).toThrow(why);
  });

  it('meets any text with a template or one line', () => {
    fc.assert(
      fc.property(
        fc.string().map((text) => `${text}{{.`),
        fc.string(),
        (before, after) => {
          try {
            compileTemplate(before + after)(ROW);
          } catch (error) {
            expect(error).toMatchObject({ code: 'BAD_FORMAT', message: expect.stringMatching(/^\P{Cc}*$/u) });
          }
        },
      ),
    );
  });
});
