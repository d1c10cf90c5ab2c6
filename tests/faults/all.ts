/**
 * `deno task faults`: the experiments that take too long for every change, or need tools of the system. Each is a
 * process of its own; this fails if one of them misses its bar.
 *
 * @module
 */

const DURABILITY = ["durability.ts", "durability_disk.ts", "durability_time.ts"];
const CONNECTIONS = [
  ...["slow_clients.ts", "idle_clients.ts", "full_server.ts", "broken_clients.ts", "slow_readers.ts"],
  ...["vanished_peer.ts", "fairness.ts"],
];
const ACCESS = ["guessing.ts", "password_delay.ts", "timing.ts", "secrets.ts", "tls_audit.ts", "paths.ts"];
const ENGINE = ["memory_limit.ts", "tiny_keys.ts", "clock_steps.ts", "stalls.ts"];
const EXPERIMENTS = [...ENGINE, ...DURABILITY, ...CONNECTIONS, ...ACCESS];

for (const experiment of EXPERIMENTS) {
  const program = new URL(experiment, import.meta.url).pathname;
  const command = new Deno.Command(Deno.execPath(), { args: ["run", "--quiet", "--allow-all", program] });
  const { code } = await command.spawn().status;
  if (code !== 0) Deno.exitCode = 1;
}
