// Starts the language server and adds what an editor alone cannot have: the plan panel, tasks and commands.
// All knowledge of Starlark and of Kurtosis is in the server.
import * as vscode from 'vscode';
import { PlanPanel } from './panel';
import { Server } from './server';
import { PackageTasks, packageOf } from './tasks';
import { Arguments } from './arguments';

let server: Server | undefined;

export async function activate(context: vscode.ExtensionContext): Promise<void> {
  const args = new Arguments(context.workspaceState);
  server = new Server(context, args);
  const running = server;
  const tasks = new PackageTasks(args);

  const command = (name: string, run: (...given: never[]) => unknown) =>
    context.subscriptions.push(vscode.commands.registerCommand(name, run));
  context.subscriptions.push(running, args, vscode.tasks.registerTaskProvider('kurtosis', tasks));

  command('kurtosis.previewPlan', (target?: Target) => PlanPanel.show(context, running, args, uriOf(target)));
  command('kurtosis.showPlanDocument', (target?: Target) => showPlanDocument(uriOf(target)));
  command('kurtosis.run', (target?: Target) => tasks.execute('run', uriOf(target)));
  command('kurtosis.dryRun', (target?: Target) => tasks.execute('dry-run', uriOf(target)));
  command('kurtosis.pickArgsFile', (target?: Target) => args.pick(packageOf(uriOf(target))));
  command('kurtosis.restartServer', () => running.restart());
  command('kurtosis.showLog', () => running.showLog());
  command('kurtosis.reportIssue', () => running.reportIssue());
  command('kurtosis.showReferences', (uri: string, position: Place, locations: Location[]) =>
    vscode.commands.executeCommand(
      'editor.action.showReferences',
      vscode.Uri.parse(uri),
      new vscode.Position(position.line, position.character),
      locations.map((l) => new vscode.Location(vscode.Uri.parse(l.uri), rangeOf(l.range))),
    ),
  );
  await running.start();
}

export async function deactivate(): Promise<void> {
  await server?.stop();
}

/** What a command is called with: a lens sends `{uri}`, an editor's menu a Uri, the palette nothing. */
type Target = { uri: string } | vscode.Uri;
type Place = { line: number; character: number };
type Location = { uri: string; range: { start: Place; end: Place } };

function uriOf(target?: Target): vscode.Uri {
  if (target instanceof vscode.Uri) {
    return target;
  }
  if (target?.uri) {
    return vscode.Uri.parse(target.uri);
  }
  const open = vscode.window.activeTextEditor?.document;
  if (open?.languageId === 'starlark') {
    return open.uri;
  }
  throw new Error('open a .star file of the package first');
}

function rangeOf(r: { start: Place; end: Place }): vscode.Range {
  return new vscode.Range(r.start.line, r.start.character, r.end.line, r.end.character);
}

async function showPlanDocument(uri: vscode.Uri): Promise<void> {
  const plan = vscode.Uri.from({ scheme: 'kurtosis-plan', path: uri.path + '.plan', query: uri.toString() });
  await vscode.window.showTextDocument(plan, { viewColumn: vscode.ViewColumn.Beside, preview: true });
}
