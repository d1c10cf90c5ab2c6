/**
 * Attack 18, as a simulation: a million wrong passwords from few addresses and from very many, on a clock that is turned
 * by hand. What counts is how many of them are looked at, for each costs a hash and is a guess.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { utf8 } from "../../lib/bytes.ts";
import type { CryptomemError } from "../../lib/errors.ts";
import { Authentication } from "../../lib/security/authentication.ts";
import { KdfQueue } from "../../lib/security/kdf_queue.ts";
import { networkOf } from "../../lib/security/peer_network.ts";
import { createToken } from "../../lib/security/token.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { Random } from "../support/random.ts";

const PASSWORD = "correct horse";
const SECOND_MS = 1_000, MINUTE_MS = 60 * SECOND_MS, HOUR_MS = 60 * MINUTE_MS, DAY_MS = 24 * HOUR_MS;
/** What one hash takes, and how many run at once. */
const HASH_MS = 250, AT_ONCE = 2;
const HASHES_PER_HOUR = AT_ONCE * HOUR_MS / HASH_MS;
/** Between two logins of those who know the password. */
const LOGIN_EVERY = 1_000;
const OWNER = networkOf("198.51.100.1");

/** Where the next guess comes from. */
type Attackers = (random: Random) => string;

/** So many addresses of IPv4, in any order. */
function ipv4(count: number): Attackers {
  return (random) => {
    const one = random.below(count);
    return networkOf(`203.0.${one >> 8}.${one & 255}`);
  };
}

/** Any address of a network of IPv6 with this many bits for its subnets: 2^subnetBits networks of 64 bits. */
function ipv6(subnetBits: number): Attackers {
  return (random) => {
    const words = [random.below(2 ** subnetBits), ...Array.from({ length: 4 }, () => random.below(65_536))];
    return networkOf(`2001:db8:5:${words.map((word) => word.toString(16)).join(":")}`);
  };
}

/** A server under attack. */
class Attacked {
  readonly random = new Random();
  readonly clock = new FakeClock();
  readonly #token = createToken({ name: "billing", can: ["read"] });
  readonly #authentication: Authentication;
  /** Guesses that were looked at, by hour. */
  readonly hashesByHour: number[] = [];
  guesses = 0;
  turnedAway = 0;

  constructor() {
    const verify = (given: Uint8Array) => {
      if (given.length === PASSWORD.length) return Promise.resolve(true);
      const hour = Math.floor(this.clock.nowMs() / HOUR_MS);
      this.hashesByHour[hour] = (this.hashesByHour[hour] ?? 0) + 1;
      return new Promise<boolean>((done) => this.clock.schedule(HASH_MS, () => done(false)));
    };
    this.#authentication = new Authentication({
      password: { verify },
      tokens: [this.#token.token],
      queue: new KdfQueue(AT_ONCE),
    });
  }

  get hashes(): number {
    return this.hashesByHour.reduce((sum, hashes) => sum + hashes, 0);
  }

  /** One wrong password from somewhere; nobody waits for the answer. */
  guess(network: string): void {
    const secret = utf8(`guess ${this.guesses++} of a million`);
    this.#authentication.prove({ user: undefined, secret }, network, this.clock).then(
      () => this.#fail("was let in"),
      (error: CryptomemError) => {
        if (error.code === "BUSY") this.turnedAway++;
        else if (error.code !== "AUTH_FAILED") this.#fail(error.code);
      },
    );
  }

  /** Who has the password is let in from elsewhere, and who has a token from everywhere. */
  async logIn(attacker: string): Promise<void> {
    const login = (secret: string, network: string) =>
      this.#authentication.prove({ user: undefined, secret: utf8(secret) }, network, this.clock);
    assertEquals((await login(PASSWORD, OWNER)).name, "default", `seed ${this.random.seed}`);
    assertEquals((await login(this.#token.secret, attacker)).name, "billing", `seed ${this.random.seed}`);
  }

  /** So many guesses in that time, evenly. */
  async attack(attackers: Attackers, { guesses, inMs }: { guesses: number; inMs: number }): Promise<void> {
    for (let i = 0; i < guesses; i++) {
      const network = attackers(this.random);
      if (i % LOGIN_EVERY === 0) await this.logIn(network);
      this.guess(network);
      await this.pass(inMs / guesses);
    }
    await this.drain();
  }

  /** Lets time pass, and what it brings about happen. */
  async pass(ms: number): Promise<void> {
    this.clock.advance(ms);
    await undefined;
  }

  /** Lets those that wait for their turn have it. */
  async drain(): Promise<void> {
    for (let i = 0; i < 1_000; i++) await this.pass(HASH_MS / 20);
    assertEquals(this.clock.pendingTimers, 0, `seed ${this.random.seed}`);
  }

  #fail(what: string): void {
    throw new Error(`a guess ${what}, seed ${this.random.seed}`);
  }

  /** How many were looked at, for the message of a failure. */
  toString(): string {
    return `${this.hashes} of ${this.guesses} guesses were looked at, by hour ${this.hashesByHour}; seed ${this.random.seed}`;
  }
}

/** Ten at first and one at the end of each wait: of 1, 2, 4 s … 512 s, and of 15 min from then on. */
function mostOfOneNetwork(ms: number): number {
  return 10 + 10 + Math.ceil(ms / (15 * MINUTE_MS));
}

const FEW: readonly [name: string, attackers: Attackers, networks: number, inMs: number][] = [
  ["one address within a day", ipv4(1), 1, DAY_MS],
  ["all 2^64 addresses of one network of IPv6 within a day", ipv6(0), 1, DAY_MS],
  ["20 addresses within an hour", ipv4(20), 20, HOUR_MS],
];
for (const [name, attackers, networks, inMs] of FEW) {
  Deno.test(`attack 18: of 200,000 wrong passwords from ${name}, hardly any are looked at`, async () => {
    const attacked = new Attacked();
    await attacked.attack(attackers, { guesses: 200_000, inMs });
    const most = networks * mostOfOneNetwork(inMs);
    assert(attacked.hashes <= most && attacked.hashes > most / 2, `${attacked}, at most ${most}`);
    // From the second hour on, at most one each 15 minutes.
    for (const hashes of attacked.hashesByHour.slice(1)) assert(hashes <= networks * 5, `${attacked}`);
    assertEquals(attacked.turnedAway, attacked.guesses - attacked.hashes, `${attacked}`);
  });
}

Deno.test("attack 18: who never guesses more than nine times a minute is looked at each time, 540 times an hour", async () => {
  const attacked = new Attacked();
  const network = networkOf("203.0.113.7");
  for (let minute = 0; minute < 24 * 60; minute++) {
    for (let i = 0; i < 9; i++) {
      attacked.guess(network);
      await attacked.pass(SECOND_MS);
    }
    await attacked.pass(MINUTE_MS - 9 * SECOND_MS);
  }
  assertEquals(attacked.hashesByHour, Array(24).fill(540));
});

const MANY: readonly [name: string, attackers: Attackers][] = [
  ["8,000 addresses within two hours, which are all remembered", ipv4(8_000)],
  ["65,536 networks of IPv6 within two hours, of which most are forgotten before they come again", ipv6(16)],
];
for (const [name, attackers] of MANY) {
  Deno.test(`attack 18: of 200,000 wrong passwords from ${name}, no more are looked at than two at a time`, async () => {
    const attacked = new Attacked();
    await attacked.attack(attackers, { guesses: 200_000, inMs: 2 * HOUR_MS });
    // Those that waited in line at the full hour are looked at in the next one.
    for (const hashes of attacked.hashesByHour) assert(hashes <= HASHES_PER_HOUR + AT_ONCE, `${attacked}`);
    assert(attacked.hashes > HASHES_PER_HOUR, `${attacked}`);
    assertEquals(attacked.turnedAway, attacked.guesses - attacked.hashes, `${attacked}`);
  });
}
