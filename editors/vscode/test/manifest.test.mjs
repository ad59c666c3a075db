// What package.json promises: the problem matcher against what the command line prints, settings and commands against
// the README and the sources.
import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import test from 'node:test';

const read = (name) => readFileSync(new URL('../' + name, import.meta.url), 'utf8');
const manifest = JSON.parse(read('package.json'));
const contributes = manifest.contributes;
const sources = readdirSync(new URL('../src/', import.meta.url)).map((name) => read('src/' + name)).join('\n');

test("the problem matcher reads what 'kurtosis lint' prints, and nothing else of it", () => {
  const golden = read('../../testdata/cli/lint_findings.txtar').split(/^-- text --\n/m)[1].split(/^-- /m)[0];
  const { pattern } = contributes.problemMatchers[0];
  const expression = new RegExp(pattern.regexp);
  const found = golden.split('\n').flatMap((line) => {
    const m = expression.exec(line);
    return m ? [['file', 'line', 'column', 'severity', 'message', 'code'].map((part) => m[pattern[part]])] : [];
  });
  assert.deepEqual(found, [
    ['pkg/lib.star', '2', '16', 'error', 'undefined: nme', 'undefined-name'],
    ['pkg/main.star', '5', '5', 'error', 'launch misses argument name', 'missing-argument'],
    ['pkg/main.star', '5', '22', 'error', 'launch has no argument nam', 'unknown-argument'],
    ['pkg/main.star', '8', '45', 'error', 'ServiceConfig has no argument prots', 'unknown-argument'],
  ]);
  assert.equal(expression.exec('C:\\pkg\\main.star:1:2: warning: a [b] c')[pattern.message], 'a [b] c');
});

test('the README says what every setting is, its default included', () => {
  const documented = new Map(
    [...read('README.md').matchAll(/^\| `(kurtosis\.[\w.]+)` \| (.*?) \| (.*) \|$/gm)].map(([, name, standard, text]) => [name, { standard, text }]),
  );
  const settings = Object.entries(contributes.configuration.properties).map(([name, p]) => [
    name,
    { standard: '`' + JSON.stringify(p.default) + '`', text: p.markdownDescription ?? p.description },
  ]);
  assert.deepEqual([...documented], settings);
});

test('the README lists every command of the palette', () => {
  const documented = [...read('README.md').matchAll(/^\| \*\*Kurtosis: (.+?)\*\* \|/gm)].map((m) => m[1]);
  assert.deepEqual(documented, contributes.commands.map((c) => c.title));
});

test('every command that is offered is registered, and every one in a menu is offered', () => {
  const offered = contributes.commands.map((c) => c.command);
  for (const name of offered) {
    assert.ok(sources.includes(`'${name}'`), name);
  }
  const used = [...Object.values(contributes.menus).flat(), ...contributes.keybindings].map((m) => m.command);
  assert.deepEqual(used.filter((name) => !offered.includes(name)), []);
});

test('every setting that the sources ask for exists', () => {
  const asked = [...sources.matchAll(/getConfiguration\('kurtosis'[^)]*\)\.get<\w+>\('([\w.]+)'/g)].map((m) => 'kurtosis.' + m[1]);
  assert.ok(asked.length > 3);
  assert.deepEqual(asked.filter((name) => !(name in contributes.configuration.properties)), []);
});

test('files that package.json names are there', () => {
  const files = [
    ...contributes.languages.map((l) => l.configuration),
    ...contributes.grammars.map((g) => g.path),
    ...contributes.snippets.map((s) => s.path),
    ...contributes.yamlValidation.map((y) => y.url),
    'README.md', 'CHANGELOG.md', 'LICENSE',
  ];
  for (const file of files) {
    assert.ok(read(file).length > 0, file);
  }
  assert.match(read('CHANGELOG.md'), new RegExp(`^## ${manifest.version.replaceAll('.', '\\.')}$`, 'm'));
});
