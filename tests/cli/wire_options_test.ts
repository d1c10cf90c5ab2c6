// The options of wires that nobody else can read.
import { assertEquals, assertMatch } from "@std/assert";
import { MAX_SOCKET_PATH_BYTES } from "../../lib/limits.ts";
import { complaint, settle } from "../support/settle.ts";

Deno.test("the options of wires are read alike from every source", async () => {
  const flags = "--server-key k.key --require-secure on --tls-cert c.pem --tls-key p.pem --tls-listen 0.0.0.0:443 " +
    "--tls-client-ca ca.pem --unix /run/s --unix-mode 0660";
  const yaml = "server-key: k.key\nrequire-secure: on\ntls-cert: c.pem\ntls-key: p.pem\ntls-listen: 0.0.0.0:443\n" +
    'tls-client-ca: ca.pem\nunix: /run/s\nunix-mode: "660"\n';
  const lines = "server-key=k.key\nrequire-secure=on\ntls-cert=c.pem\ntls-key=p.pem\ntls-listen=0.0.0.0:443\n" +
    "tls-client-ca=ca.pem\nunix=/run/s\nunix-mode=660\n";
  const environment = {
    CRYPTOMEM_SERVER_KEY: "k.key",
    CRYPTOMEM_REQUIRE_SECURE: "on",
    CRYPTOMEM_TLS_CERT: "c.pem",
    CRYPTOMEM_TLS_KEY: "p.pem",
    CRYPTOMEM_TLS_LISTEN: "0.0.0.0:443",
    CRYPTOMEM_TLS_CLIENT_CA: "ca.pem",
    CRYPTOMEM_UNIX: "/run/s",
    CRYPTOMEM_UNIX_MODE: "660",
  };
  const expected = {
    ...await settle([]),
    serverKeyFile: "k.key",
    requireSecure: true,
    tlsCert: "c.pem",
    tlsKey: "p.pem",
    tlsListen: { hostname: "0.0.0.0", port: 443 },
    tlsClientCa: "ca.pem",
    unixPath: "/run/s",
    unixMode: "660",
  };
  assertEquals(await settle(flags.split(" ")), expected);
  assertEquals(await settle(["--config=c.yaml"], { files: { "c.yaml": yaml } }), expected);
  assertEquals(await settle(["--config=c.conf"], { files: { "c.conf": lines } }), expected);
  assertEquals(await settle([], { environment }), expected);
});

Deno.test("an option that means nothing without another is refused, and names the other and where it stands itself", async () => {
  const cases: [string[], string][] = [
    [["--tls-cert", "c"], "--tls-cert: Cannot use it without --tls-key"],
    [["--tls-key", "k"], "--tls-key: Cannot use it without --tls-cert"],
    [["--tls-listen", "443"], "--tls-listen: Cannot use it without --tls-cert"],
    [["--tls-client-ca", "a"], "--tls-client-ca: Cannot use it without --tls-cert"],
    [["--unix-mode", "660"], "--unix-mode: Cannot use it without --unix"],
    [["--unix-mode", "660", "--unix", "none"], "--unix-mode: Cannot use it without --unix"],
    [["--require-secure", "on"], "--require-secure: Cannot use it without --server-key or --tls-cert or --unix"],
  ];
  for (const [args, expected] of cases) assertEquals(await complaint(args), expected);
  assertEquals(
    await complaint([], { environment: { CRYPTOMEM_REQUIRE_SECURE: "on" } }),
    "CRYPTOMEM_REQUIRE_SECURE: Cannot use it without --server-key or --tls-cert or --unix",
  );
  for (const way of [["--server-key=k"], ["--tls-cert=c", "--tls-key=k"], ["--unix=/s"]]) {
    assertEquals((await settle(["--require-secure=on", ...way])).requireSecure, true);
  }
});

Deno.test("an option that says none or off needs no other", async () => {
  assertEquals(await settle(["--require-secure=off", "--tls-cert=none", "--tls-client-ca=none"]), await settle([]));
});

Deno.test("--tls-listen takes one place without a dialect", async () => {
  const tls = ["--tls-cert=c", "--tls-key=k", "--tls-listen"];
  assertEquals((await settle([...tls, "[::1]:0"])).tlsListen, { hostname: "::1", port: 0 });
  assertEquals((await settle([...tls, "443"])).tlsListen, { port: 443 });
  for (const place of ["none", "443=cm", "1,2", "::1:443", "a", "443=redis"]) {
    assertMatch(await complaint([...tls, place]), /^--tls-listen: Cannot use "[^"]+" as a/);
  }
});

Deno.test("--unix takes a whole path that every system takes", async () => {
  const longest = `/${"é".repeat((MAX_SOCKET_PATH_BYTES - 1) / 2)}`;
  for (const path of ["/run/cryptomem.sock", longest]) assertEquals((await settle(["--unix", path])).unixPath, path);
  for (const path of ["s", "./s", "~/s", "/a\0b", `${longest}x`]) {
    assertMatch(
      await complaint(["--unix", path]),
      /^--unix: Cannot use "[^"]+" as a unix socket: write its whole path/,
    );
  }
});

Deno.test("--unix-mode takes three octal digits, as a text: YAML reads 0o660 as another number", async () => {
  for (const [text, mode] of [["600", "600"], ["0660", "660"], ["777", "777"], ["000", "000"]] as const) {
    assertEquals((await settle(["--unix=/s", "--unix-mode", text])).unixMode, mode);
  }
  for (const text of ["60", "6600", "0o660", "680", "rw-------", "u+w", "432.0"]) {
    assertMatch(await complaint(["--unix=/s", "--unix-mode", text]), /^--unix-mode: Cannot use "[^"]+" as a mode/);
  }
  for (const [number, shown] of [["660", "660"], ["0o660", "432"]]) {
    const files = { "c.yaml": `unix: /s\nunix-mode: ${number}\n` };
    const expected = `c.yaml: unix-mode: Cannot use the number ${shown} as a mode: `;
    assertEquals((await complaint(["--config=c.yaml"], { files })).slice(0, expected.length), expected);
  }
});
