import { assert, assertEquals, assertRejects, assertStringIncludes, assertThrows } from "@std/assert";
import { type Package, readPackages, setup } from "../tools/setup.ts";
import { canWrite } from "./support/permissions.ts";

const ignore = !canWrite;
const YAML_VERSION = "1.2.0";
const DENO_JSON = JSON.stringify({ imports: { "@std/yaml": `jsr:@std/yaml@${YAML_VERSION}`, "a": "./a.ts" } });
const ADAPTER = "export const parse = 1;\n";

/** A project with one @std package, for the time of a test. */
class Project implements AsyncDisposable {
  readonly root: URL;
  /** What JSR was asked for. */
  readonly asked: Package[] = [];

  private constructor(folder: string) {
    this.root = new URL(`file://${folder}/`);
  }

  static async create(): Promise<Project> {
    const project = new Project(await Deno.makeTempDir());
    await project.write("deno.json", DENO_JSON);
    await project.write("tools/jsr_fallback/yaml/mod.ts", ADAPTER);
    return project;
  }

  async write(path: string, text: string): Promise<void> {
    const url = new URL(path, this.root);
    await Deno.mkdir(new URL(".", url), { recursive: true });
    await Deno.writeTextFile(url, text);
  }

  read(path: string): Promise<string> {
    return Deno.readTextFile(new URL(path, this.root));
  }

  async has(path: string): Promise<boolean> {
    return await Deno.stat(new URL(path, this.root)).then(() => true, () => false);
  }

  setup(jsrAnswers = false): Promise<Package[]> {
    return setup({
      root: this.root,
      isOnJsr: (wanted) => {
        this.asked.push(wanted);
        return Promise.resolve(jsrAnswers);
      },
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.root, { recursive: true });
  }
}

const YAML: Package = { name: "yaml", version: YAML_VERSION };
const FOLDER = "vendor/jsr.io/@std/yaml/";

Deno.test("readPackages() takes the exact version of every @std package", () => {
  assertEquals(readPackages(DENO_JSON), [YAML]);
});

Deno.test("readPackages() refuses a version that is not exact", () => {
  for (const version of ["^1.2.0", "1.2", "1", "~1.2.0"]) {
    const json = JSON.stringify({ imports: { y: `jsr:@std/yaml@${version}` } });
    assertThrows(() => readPackages(json), Error, "names no exact version");
  }
});

Deno.test({
  name: "setup() lays out the adapters as Deno expects a package when JSR does not answer",
  ignore,
  async fn() {
    await using project = await Project.create();
    assertEquals(await project.setup(), [YAML]);

    assertEquals(await project.read(`${FOLDER}${YAML_VERSION}/mod.ts`), ADAPTER);
    assertEquals(JSON.parse(await project.read(`${FOLDER}meta.json`)), {
      scope: "std",
      name: "yaml",
      latest: YAML_VERSION,
      versions: { [YAML_VERSION]: {} },
    });
    const { manifest, exports } = JSON.parse(await project.read(`${FOLDER}${YAML_VERSION}_meta.json`));
    assertEquals(exports, { ".": "./mod.ts" });
    const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(ADAPTER)));
    assertEquals(manifest, { "/mod.ts": { size: ADAPTER.length, checksum: `sha256-${hash.toHex()}` } });
  },
});

Deno.test({
  name: "setup() lays out every export of a package",
  ignore,
  async fn() {
    await using project = await Project.create();
    await project.write("deno.json", JSON.stringify({ imports: { "@std/cli": "jsr:@std/cli@1.0.32" } }));
    await project.write("tools/jsr_fallback/cli/parse_args.ts", ADAPTER);
    await project.write("tools/jsr_fallback/cli/prompt_secret.ts", ADAPTER);
    assertEquals(await project.setup(), [{ name: "cli", version: "1.0.32" }]);
    const { manifest, exports } = JSON.parse(await project.read("vendor/jsr.io/@std/cli/1.0.32_meta.json"));
    assertEquals(exports, { "./parse-args": "./parse_args.ts", "./prompt-secret": "./prompt_secret.ts" });
    assertEquals(Object.keys(manifest), ["/parse_args.ts", "/prompt_secret.ts"]);
    for (const path of Object.keys(manifest)) {
      assertEquals(await project.read(`vendor/jsr.io/@std/cli/1.0.32${path}`), ADAPTER);
    }
  },
});

Deno.test({
  name: "setup() writes nothing when JSR answers",
  ignore,
  async fn() {
    await using project = await Project.create();
    assertEquals(await project.setup(true), []);
    assertEquals(project.asked, [YAML]);
    assertEquals(await project.has("vendor"), false);
  },
});

Deno.test({
  name: "setup() asks nobody and writes nothing the second time",
  ignore,
  async fn() {
    await using project = await Project.create();
    await project.setup();
    assertEquals(await project.setup(), []);
    assertEquals(project.asked.length, 1);
  },
});

Deno.test({
  name: "setup() leaves the real package alone",
  ignore,
  async fn() {
    await using project = await Project.create();
    await project.write(`${FOLDER}meta.json`, JSON.stringify({ versions: { "1.1.0": {}, [YAML_VERSION]: {} } }));
    await project.write(`${FOLDER}${YAML_VERSION}_meta.json`, JSON.stringify({ manifest: {}, exports: {} }));
    assertEquals(await project.setup(), []);
    assertEquals(project.asked, []);
    assertEquals(await project.has(`${FOLDER}${YAML_VERSION}/mod.ts`), false);
  },
});

Deno.test({
  name: "setup() repairs a vendor folder of other versions, of an older adapter, and one cut short",
  ignore,
  async fn() {
    const damages: ((project: Project) => Promise<void>)[] = [
      (project) => project.write("deno.json", DENO_JSON.replace(YAML_VERSION, "1.2.1")),
      (project) => project.write("tools/jsr_fallback/yaml/mod.ts", "export const parse = 2;\n"),
      (project) => project.write(`${FOLDER}meta.json`, '{"scope":'),
      (project) => project.write(`${FOLDER}${YAML_VERSION}_meta.json`, ""),
      (project) => Deno.remove(new URL(`${FOLDER}${YAML_VERSION}/mod.ts`, project.root)),
    ];
    for (const damage of damages) {
      await using project = await Project.create();
      await project.setup();
      await damage(project);
      assertEquals((await project.setup()).length, 1, `${damage}`);
      assertEquals(await project.setup(), [], `${damage}`);
    }
  },
});

Deno.test({
  name: "setup() says what is missing and what to do",
  ignore,
  async fn() {
    await using project = await Project.create();
    await Deno.remove(new URL("tools/jsr_fallback/yaml/mod.ts", project.root));
    const missing = await assertRejects(() => project.setup(), Error);
    assertStringIncludes(missing.message, "tools/jsr_fallback/yaml/mod.ts is missing; bring it back with git checkout");

    await project.write("deno.json", DENO_JSON.replace("jsr:@std/yaml", "jsr:@std/toml"));
    const unknown = await assertRejects(() => project.setup(), Error);
    assertStringIncludes(unknown.message, "Cannot set up @std/toml: it has no adapter; add one");
  },
});

Deno.test({
  name: "setup() says what to do when vendor/ cannot be written",
  ignore,
  async fn() {
    await using project = await Project.create();
    await project.write("vendor", "a file in the folder's place");
    const error = await assertRejects(() => project.setup(), Error);
    assertStringIncludes(error.message, "Cannot write the adapters in vendor/");
    assertStringIncludes(error.message, "run deno task setup again");
    assert(!error.message.includes("\n"));
  },
});
