/**
 * A network of the experiment's own: a namespace with nothing but a loopback interface, which it may take down and give
 * addresses without anybody else noticing. Linux, as root.
 *
 * @module
 */

const INSIDE = "inside";

/** Whether this process is in such a network already. */
export const isInside: boolean = Deno.args[0] === INSIDE;

/**
 * Runs a program again, in a network of its own, with these addresses beside 127.0.0.1; whoever connects to one of them
 * comes from it. Returns whether that can be done here. If the program fails, so does this process.
 */
export async function runInside(program: string, addresses: readonly string[] = []): Promise<boolean> {
  if (await run(["-n", "true"], "null").catch(() => 1) !== 0) return false;
  const setUp = ["ip link set lo up", ...addresses.map((address) => `ip addr add ${address}/32 dev lo`)].join(" && ");
  const deno = [Deno.execPath(), "run", "--quiet", "--allow-all", new URL(program).pathname, INSIDE];
  const code = await run(["-n", "sh", "-c", `${setUp} && exec "$@"`, "sh", ...deno], "inherit");
  if (code !== 0) Deno.exitCode = 1;
  return true;
}

async function run(args: string[], output: "inherit" | "null"): Promise<number> {
  const command = new Deno.Command("unshare", { args, stdin: "null", stdout: output, stderr: output });
  return (await command.spawn().status).code;
}
