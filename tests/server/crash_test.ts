// D1, in short: a server that is killed under load. `deno task faults` does it at length.
import { assert, assertEquals } from "@std/assert";
import { crashRounds } from "../support/crash_rounds.ts";
import { canListen, canRun, canWrite } from "../support/permissions.ts";
import { Random } from "../support/random.ts";

const ROUNDS = 20;
const MAX_MS = 20_000;

Deno.test({
  name: "what was answered under `always` is there after every kill -9, and nothing that was never sent",
  ignore: !canListen || !canRun || !canWrite || Deno.build.os === "windows",
  async fn() {
    const folder = await Deno.makeTempDir();
    const random = new Random();
    try {
      const { rounds, answered, lost, phantom, torn, strays } = await crashRounds(random, {
        rounds: ROUNDS,
        folder,
        flags: ["--append-log", "always", "--snapshot-changes", "2000"],
        allowedMs: -Infinity,
        maxMs: MAX_MS,
      });
      const what = `seed ${random.seed}, ${rounds} rounds, ${answered} answered`;
      assertEquals({ lost, phantom, torn, strays }, { lost: 0, phantom: 0, torn: 0, strays: [] }, what);
      assert(rounds > 0 && answered > 0, what);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
});
