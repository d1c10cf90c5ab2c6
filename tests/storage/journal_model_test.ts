/**
 * Drives engines with random changes and compares them with what they tell: a Map made from it, and another engine it is
 * told to. Then the same with changes that are taken back.
 */

import { assert } from "@std/assert";
import { Engine } from "../../lib/storage/engine.ts";
import type { Journal } from "../../lib/storage/journal.ts";
import { toBoth } from "../support/both_journals.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { withSeed } from "../support/random.ts";
import { LOADS, RandomChanges } from "../support/random_changes.ts";
import { assertHolds, TakenBack, ToldEntries } from "../support/told_entries.ts";

const CHANGES_PER_RUN = 20_000;
const CHANGES_PER_LOOK = 400;
const GROUPS_PER_RUN = 500;
const MAX_GROUP_CHANGES = 12;
/** A group that is taken back is so within a minute, all its rests together. */
const MAX_GROUP_REST_MS = 500;
/** Neither scale begins where the other does, and not at a whole millisecond. */
const START = { nowMs: 7_654_321.25 };

for (const load of LOADS) {
  Deno.test(`what an engine tells its journal leads to the same entries: ${load.name}`, () => {
    withSeed((random) => {
      const clock = new FakeClock(START);
      const engine = new Engine({ ...load.engine, clock }), told = new ToldEntries();
      const follower = new Engine({ segmentBytes: 4096, clock });
      engine.journal = both(told, follower);
      const changes = new RandomChanges(engine, clock, random, load);
      for (let i = 1; i <= CHANGES_PER_RUN; i++) {
        changes.rest();
        changes.change();
        if (i % CHANGES_PER_LOOK > 0) continue;
        assertHolds(engine, told.living(clock), clock);
        assertHolds(follower, told.living(clock), clock);
      }
      engine.verify();
      follower.verify();
      const { evicted, expired } = engine.stats();
      assert(expired > 100, `${expired} have expired`);
      assert(
        load.engine.maxMemoryBytes === undefined || load.engine.policy === "none" || evicted > 500,
        `${evicted}`,
      );
    });
  });

  Deno.test(`changes are taken back, with what was evicted for them: ${load.name}`, () => {
    withSeed((random) => {
      const clock = new FakeClock(START);
      const engine = new Engine({ ...load.engine, clock }), told = new ToldEntries();
      const undo = new TakenBack(engine);
      engine.journal = told;
      told.undo = undo;
      const changes = new RandomChanges(engine, clock, random, load);
      let takenBack = 0;
      for (let group = 1; group <= GROUPS_PER_RUN; group++) {
        const before = new Map(told.entries);
        // Now and then a long one, so that memory is at its limit.
        const count = random.below(40) === 0 ? 1_000 : 1 + random.below(MAX_GROUP_CHANGES);
        for (let i = 0; i < count; i++) {
          changes.rest(MAX_GROUP_REST_MS);
          changes.change();
        }
        if (random.below(2) === 0) undo.settle();
        else {
          takenBack += undo.steps;
          undo.takeBack();
          told.entries = before;
        }
        changes.rest();
        if (group % 10 === 0) assertHolds(engine, told.living(clock), clock);
        if (group % 100 === 0) engine.verify();
      }
      assert(takenBack > 1_000, `${takenBack} steps were taken back`);
    });
  });
}

/** The journal of a test, and an engine that does what it is told. */
function both(told: ToldEntries, { replay }: Engine): Journal {
  return {
    check: () => told.check(),
    begin: (expectedBytes) => told.begin(expectedBytes),
    end: () => told.end(),
    ...toBoth(told, replay),
  };
}
