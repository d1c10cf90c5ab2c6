import { assertEquals } from "@std/assert";
import { CipherState } from "../../lib/channel/cipher_state.ts";
import { ClientHandshake, ServerHandshake } from "../../lib/channel/handshake.ts";
import { generateX25519, importX25519 } from "../../lib/crypto/subtle.ts";
import { readVectors, vectorTest } from "../support/vectors.ts";
import { LOW_ORDER_POINTS } from "./low_order_points.ts";

/** A conversation as the files of cacophony, snow and noise-c write it down. */
interface NoiseVector {
  protocol_name?: string;
  name?: string;
  init_prologue: string;
  init_ephemeral: string;
  resp_prologue: string;
  resp_ephemeral: string;
  resp_static: string;
  handshake_hash?: string;
  messages: { payload: string; ciphertext: string }[];
}

const NOTHING = new Uint8Array(0);

const hex = (text: string) => Uint8Array.fromHex(text);

for (const author of ["cacophony", "snow", "noise-c"]) {
  vectorTest(`the handshake and what follows are those of ${author}'s vectors`, async () => {
    const file = await readVectors<NoiseVector[] | { vectors: NoiseVector[] }>(
      `noise/${author}_25519_AESGCM_SHA256.json`,
    );
    const vectors = (Array.isArray(file) ? file : file.vectors)
      .filter((vector) => (vector.protocol_name ?? vector.name) === "Noise_NX_25519_AESGCM_SHA256");
    assertEquals(vectors.length, 1);
    for (const vector of vectors) await converse(vector);
  });
}

/** Has both sides say all of a conversation and understand each other. */
async function converse(vector: NoiseVector): Promise<void> {
  const client = new ClientHandshake(hex(vector.init_prologue), await importX25519(hex(vector.init_ephemeral)));
  const identity = await importX25519(hex(vector.resp_static));
  const server = new ServerHandshake(
    hex(vector.resp_prologue),
    identity,
    await importX25519(hex(vector.resp_ephemeral)),
  );
  const [first, second, ...others] = vector.messages;

  const hello = await client.start(hex(first!.payload));
  assertEquals(hello.toHex(), first!.ciphertext);
  const answer = await server.answer(hello, hex(second!.payload));
  assertEquals(answer?.toHex(), second!.ciphertext);
  const learned = await client.finish(answer!);
  assertEquals(learned?.serverKey, identity.publicKey);
  assertEquals(learned?.payload.toHex(), second!.payload);
  if (vector.handshake_hash !== undefined) {
    assertEquals(client.handshakeHash.toHex(), vector.handshake_hash);
    assertEquals(server.handshakeHash.toHex(), vector.handshake_hash);
  }

  const [clientKeys, serverKeys] = [await client.split(), await server.split()];
  const directions = [[clientKeys.sending, serverKeys.receiving], [serverKeys.sending, clientKeys.receiving]]
    .map(([from, to]) => ({ sealing: new CipherState(from!), opening: new CipherState(to!) }));
  for (const [i, { payload, ciphertext }] of others.entries()) {
    const { sealing, opening } = directions[i % 2]!;
    assertEquals((await sealing.seal(NOTHING, hex(payload))).toHex(), ciphertext);
    assertEquals((await opening.open(NOTHING, hex(ciphertext)))?.toHex(), payload);
  }
}

Deno.test("a client does not believe an answer of which any one bit was changed", async () => {
  const [clientKeys, serverKeys, identity] = await Promise.all([generateX25519(), generateX25519(), generateX25519()]);
  const client = () => new ClientHandshake(NOTHING, clientKeys);
  const answer = await new ServerHandshake(NOTHING, identity, serverKeys).answer(
    await client().start(),
    Uint8Array.of(1, 2, 3),
  );
  const finish = async (answer: Uint8Array<ArrayBuffer>) => {
    const asked = client();
    await asked.start();
    return await asked.finish(answer);
  };
  assertEquals((await finish(answer!))?.payload, Uint8Array.of(1, 2, 3));
  for (let bit = 0; bit < 8 * answer!.length; bit++) {
    // X25519 ignores the last bit of a point; but then the hashes differ.
    const changed = answer!.slice();
    changed[bit >> 3]! ^= 1 << (bit & 7);
    assertEquals(await finish(changed), undefined, `bit ${bit}`);
  }
});

Deno.test("the sides of a handshake do not understand each other if they differ about what was said before", async () => {
  const client = new ClientHandshake(Uint8Array.of(1), await generateX25519());
  const server = new ServerHandshake(Uint8Array.of(2), await generateX25519(), await generateX25519());
  const answer = await server.answer(await client.start(), NOTHING);
  assertEquals(await client.finish(answer!), undefined);
});

Deno.test("a server answers nothing to a key that is a point of low order", async () => {
  for (const point of LOW_ORDER_POINTS) {
    const server = new ServerHandshake(NOTHING, await generateX25519(), await generateX25519());
    assertEquals(await server.answer(point, NOTHING), undefined);
  }
});
