/**
 * `deno task faults`: the experiments that take too long for every change, or need tools of the system. Each is a
 * process of its own; this fails if one of them misses its bar.
 *
 * @module
 */

const DURABILITY = ["durability.ts", "durability_disk.ts", "durability_time.ts"];
const EXPERIMENTS = ["memory_limit.ts", "tiny_keys.ts", "clock_steps.ts", "stalls.ts", ...DURABILITY];

for (const experiment of EXPERIMENTS) {
  const program = new URL(experiment, import.meta.url).pathname;
  const command = new Deno.Command(Deno.execPath(), { args: ["run", "--quiet", "--allow-all", program] });
  const { code } = await command.spawn().status;
  if (code !== 0) Deno.exitCode = 1;
}
