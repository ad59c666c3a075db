// Which argument file a package is previewed and run with: the setting, or what the user picked last.
import * as path from 'path';
import * as vscode from 'vscode';

/** What files of arguments are called, as a glob inside the package. */
export const argumentFiles = '**/*.{json,yaml,yml}';

export class Arguments implements vscode.Disposable {
  private readonly changed = new vscode.EventEmitter<vscode.Uri>();
  /** Fires with the package's directory when its argument file is another one. */
  readonly onDidChange = this.changed.event;

  constructor(private readonly memento: vscode.Memento) {}

  /** The argument file of the package in `directory`, or undefined for none. */
  file(directory: vscode.Uri): string | undefined {
    const picked = this.memento.get<string>(key(directory));
    if (picked !== undefined) {
      return picked === '' ? undefined : picked;
    }
    const setting = vscode.workspace.getConfiguration('kurtosis', directory).get<string>('preview.argsFile', '');
    return setting === '' ? undefined : path.resolve(directory.fsPath, setting);
  }

  async set(directory: vscode.Uri, file: string): Promise<void> {
    await this.memento.update(key(directory), file);
    this.changed.fire(directory);
  }

  /** Lets the user choose among the package's JSON and YAML files. */
  async pick(directory: vscode.Uri): Promise<void> {
    const files = await this.candidates(directory);
    const none = { label: '$(circle-slash) no arguments', file: '' };
    const items = files.map((file) => ({ label: path.relative(directory.fsPath, file), file }));
    const chosen = await vscode.window.showQuickPick([none, ...items], {
      title: 'Arguments of the package',
      placeHolder: this.file(directory) ?? 'no arguments',
    });
    if (chosen) {
      await this.set(directory, chosen.file);
    }
  }

  async candidates(directory: vscode.Uri): Promise<string[]> {
    const found = await vscode.workspace.findFiles(
      new vscode.RelativePattern(directory, argumentFiles),
      '**/{node_modules,.git,.github,.vscode}/**',
      500,
    );
    return found
      .map((uri) => uri.fsPath)
      .filter((file) => path.basename(file) !== 'kurtosis.yml')
      .sort();
  }

  dispose(): void {
    this.changed.dispose();
  }
}

function key(directory: vscode.Uri): string {
  return 'argsFile:' + directory.toString();
}
