// A test-only extension: asks the editor itself, through its API, what the extension gives it. The window's folder says
// by its name which checks to make; their results go to $KURTOSIS_PROBE/NAME.json.
'use strict';
const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const vscode = require('vscode');

const folder = vscode.workspace.workspaceFolders?.[0]?.uri;
const at = (name) => vscode.Uri.joinPath(folder, name);
const run = (command, ...given) => vscode.commands.executeCommand(command, ...given);

async function until(what, f, milliseconds = 120_000) {
  const end = Date.now() + milliseconds;
  for (;;) {
    const value = await f();
    if (value) {
      return value;
    }
    assert.ok(Date.now() < end, `never happened: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** The place of `text` in `document`, `offset` characters into it. */
function place(document, text, offset = 0) {
  const index = document.getText().indexOf(text);
  assert.ok(index >= 0, `no ${text} in ${document.uri}`);
  return document.positionAt(index + offset);
}

const found = (uri) => vscode.languages.getDiagnostics(uri);
const label = (item) => (typeof item.label === 'string' ? item.label : item.label.label);
const extension = () => vscode.extensions.getExtension('kurtosis-go.kurtosis');
const main = () => vscode.workspace.openTextDocument(at('shop/main.star'));

async function completions(document, before) {
  const position = document.lineAt(document.lineCount - 1).range.end;
  const edit = new vscode.WorkspaceEdit();
  edit.insert(document.uri, position, before);
  assert.ok(await vscode.workspace.applyEdit(edit));
  const end = document.lineAt(document.lineCount - 1).range.end;
  const list = await run('vscode.executeCompletionItemProvider', document.uri, end, undefined, 200);
  await run('undo');
  return list.items;
}

const api = {
  'files have their language, and the extension is awake': async () => {
    const document = await main();
    await vscode.window.showTextDocument(document);
    assert.equal(document.languageId, 'starlark');
    await until('activation', () => extension().isActive);
  },
  'diagnostics have code, range and source': async () => {
    const document = await main();
    const [d] = await until('a diagnostic', () => found(document.uri).length > 0 && found(document.uri));
    assert.match(d.message, /^ServiceConfig has no argument prots/);
    assert.equal(d.code.value ?? d.code, 'unknown-argument');
    assert.equal(document.getText(d.range), 'prots');
    assert.equal(d.source, 'kurtosis');
    assert.equal(d.severity, vscode.DiagnosticSeverity.Error);
  },
  'completion: instructions with their docs': async () => {
    const items = await completions(await main(), '\n    plan.');
    const item = items.find((i) => label(i) === 'add_service');
    assert.ok(item, items.map(label).join(' '));
    assert.match(item.documentation.value, /service/);
  },
  'completion: arguments not given yet': async () => {
    const items = (await completions(await main(), '\n    ServiceConfig(image="a", ')).map(label);
    assert.ok(items.some((name) => /^ports\b/.test(name)), items.join(' '));
    assert.ok(!items.some((name) => /^image\s*=/.test(name)), items.join(' '));
  },
  'completion: files of the package': async () => {
    const items = (await completions(await main(), '\n    read_file("./')).map(label);
    assert.ok(items.some((name) => name.includes('small.yaml')), items.join(' '));
  },
  'hover has signature and docs': async () => {
    const document = await main();
    const hovers = await run('vscode.executeHoverProvider', document.uri, place(document, 'add_service', 2));
    const text = hovers.flatMap((h) => h.contents.map((c) => c.value)).join('\n');
    assert.match(text, /add_service\(/);
    assert.match(text, /ServiceConfig/);
  },
  'signature help marks the argument': async () => {
    const document = await main();
    const help = await run('vscode.executeSignatureHelpProvider', document.uri, place(document, 'launch(plan, ', 13), '(');
    assert.match(help.signatures[0].label, /launch\(plan, name/);
    assert.equal(help.activeParameter, 1);
  },
  'definition leads into another package': async () => {
    const document = await main();
    const [target] = await run('vscode.executeDefinitionProvider', document.uri, place(document, 'launch(', 1));
    assert.equal((target.targetUri ?? target.uri).toString(), at('database/main.star').toString());
    assert.equal((target.targetSelectionRange ?? target.targetRange ?? target.range).start.line, 5);
  },
  'definition of an instruction opens the read-only stub': async () => {
    const document = await main();
    const [target] = await run('vscode.executeDefinitionProvider', document.uri, place(document, 'add_service', 2));
    const uri = target.targetUri ?? target.uri;
    assert.equal(uri.scheme, 'kurtosis-builtin');
    const stub = await vscode.workspace.openTextDocument(uri);
    assert.match(stub.getText(), /def add_service\(/);
  },
  'references are found in both packages': async () => {
    const document = await main();
    const places = await run('vscode.executeReferenceProvider', document.uri, place(document, 'launch(', 1));
    assert.deepEqual([...new Set(places.map((l) => path.basename(path.dirname(l.uri.fsPath))))].sort(), ['database', 'shop']);
  },
  'rename edits both packages': async () => {
    const document = await main();
    const edit = await run('vscode.executeDocumentRenameProvider', document.uri, place(document, 'launch(', 1), 'start');
    assert.deepEqual(edit.entries().map(([uri, edits]) => [path.basename(path.dirname(uri.fsPath)), edits.length]).sort(), [['database', 2], ['shop', 1]]);
  },
  'a quick fix says what it does': async () => {
    const document = await main();
    const [d] = found(document.uri);
    const actions = await run('vscode.executeCodeActionProvider', document.uri, d.range, 'quickfix');
    const fix = actions.find((a) => /ports/.test(a.title));
    assert.ok(fix, actions.map((a) => a.title).join(', '));
    assert.equal(fix.edit.entries()[0][1][0].newText, 'ports');
  },
  'formatting is offered': async () => {
    const document = await vscode.workspace.openTextDocument(at('database/messy.star'));
    const edits = await run('vscode.executeFormatDocumentProvider', document.uri, { tabSize: 4, insertSpaces: true });
    assert.ok(edits.length > 0);
  },
  'lenses run and preview': async () => {
    const document = await main();
    const lenses = await run('vscode.executeCodeLensProvider', document.uri, 100);
    const titles = lenses.map((l) => l.command?.title);
    assert.ok(titles.includes('▶ Run'), titles.join(', '));
    assert.ok(titles.includes('Preview plan'), titles.join(', '));
  },
  'semantic tokens have a legend and data': async () => {
    const document = await main();
    const legend = await run('vscode.provideDocumentSemanticTokensLegend', document.uri);
    assert.ok(legend.tokenTypes.includes('parameter'), legend.tokenTypes.join(' '));
    const tokens = await run('vscode.provideDocumentSemanticTokens', document.uri);
    assert.ok(tokens.data.length >= 5 * 20, String(tokens.data.length));
  },
  'symbols, folds, links and hints': async () => {
    const document = await main();
    const symbols = await run('vscode.executeDocumentSymbolProvider', document.uri);
    assert.deepEqual(symbols.map((s) => s.name), ['database', 'WEB_PORT', 'run']);
    const everywhere = await run('vscode.executeWorkspaceSymbolProvider', 'launch');
    assert.ok(everywhere.some((s) => s.name === 'launch'));
    const folds = await run('vscode.executeFoldingRangeProvider', document.uri);
    assert.ok(folds.length > 3, String(folds.length));
    const links = await run('vscode.executeLinkProvider', document.uri, 10);
    assert.ok(links.some((l) => l.target?.path.endsWith('/database/main.star')), JSON.stringify(links));
    const whole = new vscode.Range(0, 0, document.lineCount, 0);
    const hints = await run('vscode.executeInlayHintProvider', document.uri, whole);
    assert.ok(hints.some((h) => /name/.test(typeof h.label === 'string' ? h.label : h.label.map((l) => l.value).join(''))));
  },
  'callers are known': async () => {
    const document = await vscode.workspace.openTextDocument(at('database/main.star'));
    const [item] = await run('vscode.prepareCallHierarchy', document.uri, place(document, 'launch', 1));
    const calls = await run('vscode.provideIncomingCalls', item);
    assert.deepEqual(calls.map((c) => c.from.name), ['run', 'run']);
  },
  'the plan is a document that follows the edit': async () => {
    const document = await main();
    const plan = vscode.Uri.from({ scheme: 'kurtosis-plan', path: document.uri.path + '.plan', query: document.uri.toString() });
    const text = () => vscode.workspace.openTextDocument(plan).then((d) => d.getText());
    const replace = async (old, text) => {
      const edit = new vscode.WorkspaceEdit();
      const start = place(document, old);
      edit.replace(document.uri, new vscode.Range(start, start.translate(0, old.length)), text);
      assert.ok(await vscode.workspace.applyEdit(edit));
    };
    assert.match(await text(), /prots/);
    await replace('prots', 'ports');
    await until('the plan', async () => (await text()).includes('web-1'));
    assert.ok(!(await text()).includes('web-2'));
    await replace('replicas=2', 'replicas=3');
    await until('a third service', async () => (await text()).includes('web-2'));
    await replace('replicas=3', 'replicas=2');
    await replace('ports', 'prots');
  },
  'settings reach the server': async () => {
    const { uri } = await main();
    const settings = vscode.workspace.getConfiguration('kurtosis');
    await settings.update('lint.ignore', ['unknown-argument'], vscode.ConfigurationTarget.Workspace);
    await until('nothing found', () => found(uri).length === 0);
    await settings.update('lint.ignore', undefined, vscode.ConfigurationTarget.Workspace);
    await until('the error again', () => found(uri).length === 1);
  },
  'tasks are offered for every package': async () => {
    const tasks = await vscode.tasks.fetchTasks({ type: 'kurtosis' });
    assert.deepEqual(tasks.map((t) => t.name).sort(), [
      'dry-run database', 'dry-run shop', 'lint database', 'lint shop', 'run database', 'run shop',
    ]);
  },
  'the server can be restarted': async () => {
    const { uri } = await main();
    await run('kurtosis.restartServer');
    await until('the error after the restart', () => found(uri).length === 1);
    const hovers = await run('vscode.executeHoverProvider', uri, place(await main(), 'add_service', 2));
    assert.equal(hovers.length > 0, true);
  },
};

const untrusted = {
  'checking works': async () => {
    assert.equal(vscode.workspace.isTrusted, false);
    const document = await main();
    await vscode.window.showTextDocument(document);
    await until('a diagnostic', () => found(document.uri).length === 1);
  },
  'running does not': async () => {
    let ran = 0;
    const listening = vscode.tasks.onDidStartTask(() => ran++);
    // The command shows its warning until the user closes it.
    const running = run('kurtosis.run', { uri: at('shop/main.star').toString() });
    await run('notifications.clearAll');
    await until('the command is through', () => Promise.race([running.then(() => true), run('notifications.clearAll').then(() => false)]));
    listening.dispose();
    assert.equal(ran, 0);
  },
};

const missing = {
  'the extension is awake without a server, and its commands are there': async () => {
    await vscode.window.showTextDocument(await main());
    await until('activation', () => extension().isActive);
    const commands = await vscode.commands.getCommands(true);
    const wanted = extension().packageJSON.contributes.commands.map((c) => c.command);
    assert.deepEqual(wanted.filter((c) => !commands.includes(c)), []);
  },
};

exports.activate = async () => {
  const checks = folder && { api, untrusted, missing }[path.basename(folder.path)];
  if (!checks || !process.env.KURTOSIS_PROBE) {
    return;
  }
  const results = [];
  for (const [name, check] of Object.entries(checks)) {
    const error = await check().then(() => undefined, (e) => e.message || e.stack);
    results.push({ name, error });
  }
  // Written aside first, so that whoever waits for the file never reads half of it.
  const file = path.join(process.env.KURTOSIS_PROBE, path.basename(folder.path) + '.json');
  fs.writeFileSync(file + '.part', JSON.stringify({ checks: results }));
  fs.renameSync(file + '.part', file);
};
