// What the project relies on in @std/cli/prompt-secret, for the adapter and the real package as in jsr_fallback_test.ts.
// On a real terminal it is tried in tests/cli/client_process_test.ts.
import { assert, assertEquals } from "@std/assert";

/** What promptSecret() did on a terminal on which somebody types. */
interface Prompted {
  /** What it returned, or the message of what it threw. */
  returned: string | null;
  shown: string;
  /** Calls of setRaw(), in order. */
  raw: boolean[];
}

/** Puts other members in place of an object's, and returns a function that puts them back. */
function replaceMembers(object: object, members: Record<string, unknown>): () => void {
  const before = Object.keys(members).map((name) => [name, Object.getOwnPropertyDescriptor(object, name)] as const);
  for (const [name, value] of Object.entries(members)) {
    Object.defineProperty(object, name, { value, configurable: true, writable: true });
  }
  return () => {
    for (const [name, descriptor] of before) {
      if (descriptor === undefined) Reflect.deleteProperty(object, name);
      else Object.defineProperty(object, name, descriptor);
    }
  };
}

/** Runs promptSecret() with a terminal in place of the real standard input and output. */
async function promptOn(
  typed: string,
  args: [message?: string, options?: { mask?: string }] = [],
  isTerminal = true,
): Promise<Prompted> {
  const input = new TextEncoder().encode(typed);
  const raw: boolean[] = [];
  let [read, shown] = [0, ""];
  const restore = [
    replaceMembers(Deno.stdin, {
      isTerminal: () => isTerminal,
      setRaw: (mode: boolean) => void raw.push(mode),
      readSync(buffer: Uint8Array) {
        if (read === input.length) throw new Error("the terminal is gone");
        buffer[0] = input[read++]!;
        return 1;
      },
    }),
    replaceMembers(Deno.stdout, {
      isTerminal: () => isTerminal,
      writeSync(bytes: Uint8Array) {
        shown += new TextDecoder().decode(bytes);
        return bytes.length;
      },
    }),
    replaceMembers(Deno, { consoleSize: () => ({ columns: 80, rows: 24 }) }),
  ];
  try {
    // Imported only now: the real one may look at the terminal when it is loaded.
    const { promptSecret } = await import("@std/cli/prompt-secret");
    return { returned: promptSecret(...args), shown, raw };
  } catch (error) {
    return { returned: (error as Error).message, shown, raw };
  } finally {
    for (const putBack of restore) putBack();
  }
}

Deno.test("@std/cli: promptSecret() asks on the terminal and shows nothing of what is typed", async () => {
  assertEquals(await promptOn("hunter2\nrest", ["Passphrase:", { mask: "" }]), {
    returned: "hunter2",
    shown: "Passphrase: \n",
    raw: [true, false],
  });
  const masked = await promptOn("hunter2\r", ["Passphrase:"]);
  assertEquals([masked.returned, masked.raw], ["hunter2", [true, false]]);
  assert(masked.shown.startsWith("Passphrase: ") && masked.shown.endsWith("*******\n"), masked.shown);
  assert(!/[hunter27]/.test(masked.shown.replaceAll("Passphrase:", "")), masked.shown);
});

Deno.test("@std/cli: promptSecret() lets what was typed be taken back, byte by byte", async () => {
  const typed: [string, string][] = [
    ["ab\x7fc\n", "ac"],
    ["ab\bc\n", "ac"],
    ["\x7f\ba\n", "a"],
    ["\n", ""],
    ["pässwörd\n", "pässwörd"],
    ["é\x7f\n", "\u{FFFD}"],
  ];
  for (const [input, returned] of typed) {
    assertEquals((await promptOn(input, ["?", { mask: "" }])).returned, returned);
  }
});

Deno.test("@std/cli: promptSecret() gives null and asks nothing where there is no terminal", async () => {
  assertEquals(await promptOn("hunter2\n", [], false), { returned: null, shown: "", raw: [] });
});

Deno.test("@std/cli: promptSecret() leaves the terminal as it was when reading fails", async () => {
  const { returned, raw } = await promptOn("hunt", ["Passphrase:", { mask: "" }]);
  assertEquals([returned, raw], ["the terminal is gone", [true, false]]);
});
