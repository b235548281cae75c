import { mkdir, open, readFile, rename, rm } from "node:fs/promises";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import type { Credentials, CredentialsStore } from "./session.js";

/** The file with the saved login at one address, which `readback login` writes too. Only its user can read it. */
export class CredentialsFile implements CredentialsStore {
  constructor(private readonly path: string) {}

  /** Return the user's file for this address of the identity service, below `$XDG_CONFIG_HOME`. */
  static forAddress(identity: string): CredentialsFile {
    const folder = join(process.env["XDG_CONFIG_HOME"] || join(homedir(), ".config"), "readback");
    const name = encodeURIComponent(identity).replaceAll("%3A", ":").replaceAll("%2C", ",");
    return new CredentialsFile(join(folder, `${name}.json`));
  }

  /** Return the saved credentials; undefined if the file is missing or invalid. */
  async read(): Promise<Credentials | undefined> {
    try {
      const { email, access_token, access_expires, refresh_token } = JSON.parse(await readFile(this.path, "utf8"));
      const texts = [email, access_token, refresh_token].every((value) => typeof value === "string");
      const valid = texts && typeof access_expires === "number";
      return valid ? { email, access_token, access_expires, refresh_token } : undefined;
    } catch (error) {
      if (error instanceof SyntaxError || error instanceof TypeError) return undefined;
      if (["ENOENT", "ENOTDIR"].includes((error as NodeJS.ErrnoException).code ?? "")) return undefined;
      throw error;
    }
  }

  /** Replace the file atomically. */
  async save(credentials: Credentials): Promise<void> {
    await mkdir(dirname(this.path), { recursive: true, mode: 0o700 });
    const scratch = `${this.path}.${process.pid}`;
    try {
      const file = await open(scratch, "w", 0o600);
      await file.writeFile(JSON.stringify(credentials));
      await file.sync();
      await file.close();
      await rename(scratch, this.path);
    } finally {
      await rm(scratch, { force: true });
    }
  }

  async delete(): Promise<void> {
    await rm(this.path, { force: true });
  }
}
