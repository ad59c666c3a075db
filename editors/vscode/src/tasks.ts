// Runs packages in a terminal, as tasks, with the problem matcher of the command's diagnostics.
import * as fs from 'fs';
import * as path from 'path';
import * as vscode from 'vscode';
import { Arguments } from './arguments';

type Command = 'run' | 'dry-run' | 'lint';

interface Definition extends vscode.TaskDefinition {
  command: Command;
  package: string;
  argsFile?: string;
  enclave?: string;
}

/** The directory of the package that `file` belongs to: the nearest one above with a kurtosis.yml, else its own. */
export function packageOf(file: vscode.Uri): vscode.Uri {
  for (let dir = path.dirname(file.fsPath); ; dir = path.dirname(dir)) {
    if (fs.existsSync(path.join(dir, 'kurtosis.yml'))) {
      return vscode.Uri.file(dir);
    }
    if (dir === path.dirname(dir)) {
      return vscode.Uri.file(path.dirname(file.fsPath));
    }
  }
}

export class PackageTasks implements vscode.TaskProvider {
  constructor(private readonly args: Arguments) {}

  async provideTasks(): Promise<vscode.Task[]> {
    const manifests = await vscode.workspace.findFiles('**/kurtosis.yml', '**/node_modules/**', 100);
    const commands: Command[] = ['run', 'dry-run', 'lint'];
    return manifests.flatMap((manifest) => {
      const directory = vscode.Uri.joinPath(manifest, '..');
      return commands.map((command) => this.task(command, directory));
    });
  }

  resolveTask(task: vscode.Task): vscode.Task {
    const definition = task.definition as Definition;
    return build(definition, task.scope ?? vscode.TaskScope.Workspace);
  }

  /** Runs the package that `file` belongs to. */
  async execute(command: Command, file: vscode.Uri): Promise<void> {
    if (command === 'run' && !vscode.workspace.isTrusted) {
      await vscode.window.showWarningMessage('Running a package needs a trusted workspace.');
      return;
    }
    const open = vscode.workspace.textDocuments.find((d) => d.uri.toString() === file.toString());
    if (open?.isDirty) {
      await open.save();
    }
    const manifest = fs.existsSync(path.join(packageOf(file).fsPath, 'kurtosis.yml'));
    await vscode.tasks.executeTask(this.task(command, manifest ? packageOf(file) : file));
  }

  private task(command: Command, target: vscode.Uri): vscode.Task {
    const definition: Definition = { type: 'kurtosis', command, package: target.fsPath };
    if (command !== 'lint') {
      definition.argsFile = this.args.file(target);
    }
    const folder = vscode.workspace.getWorkspaceFolder(target);
    return build(definition, folder ?? vscode.TaskScope.Workspace);
  }
}

function build(definition: Definition, scope: vscode.WorkspaceFolder | vscode.TaskScope): vscode.Task {
  const cli = vscode.workspace.getConfiguration('kurtosis').get<string>('cli.path', 'kurtosis');
  const words = definition.command === 'lint' ? ['lint', definition.package] : ['run', definition.package];
  if (definition.command === 'dry-run') {
    words.push('--dry-run');
  }
  if (definition.argsFile && definition.command !== 'lint') {
    words.push('--args-file', definition.argsFile);
  }
  if (definition.enclave && definition.command !== 'lint') {
    words.push('--enclave', definition.enclave);
  }
  const name = `${definition.command} ${path.basename(definition.package)}`;
  const task = new vscode.Task(
    definition,
    scope,
    name,
    'kurtosis',
    new vscode.ProcessExecution(cli, words),
    '$kurtosis',
  );
  task.presentationOptions = { reveal: vscode.TaskRevealKind.Always, clear: true };
  return task;
}
