import { type Fork, forks } from "./fork.ts";

/** When a fork begins: at a block, or (from Shanghai on) at a time in seconds. */
export type ForkActivation = {
  readonly fork: Fork;
  readonly at: { readonly block: number } | { readonly timestamp: number };
};

/** The forks of a chain, oldest first; a block before the first one is of an unknown fork. */
export type ForkSchedule = readonly ForkActivation[];

/** The fork in force at a block; null where the schedule does not reach back so far. */
export function forkAt(
  schedule: ForkSchedule,
  block: { readonly number: number; readonly timestamp: number },
): Fork | null {
  const begun = schedule.filter(({ at }) =>
    "block" in at ? block.number >= at.block : block.timestamp >= at.timestamp,
  );
  return begun.at(-1)?.fork ?? null;
}

const atBlock = (fork: Fork, block: number): ForkActivation => ({ fork, at: { block } });
const atTime = (fork: Fork, timestamp: number): ForkActivation => ({ fork, at: { timestamp } });

const mainnet: ForkSchedule = [
  atBlock("frontier", 0),
  atBlock("homestead", 1_150_000),
  atBlock("tangerine", 2_463_000),
  atBlock("spurious", 2_675_000),
  atBlock("byzantium", 4_370_000),
  // Constantinople and Petersburg came together, so the older one was never in force.
  atBlock("petersburg", 7_280_000),
  atBlock("istanbul", 9_069_000),
  atBlock("berlin", 12_244_000),
  atBlock("london", 12_965_000),
  atBlock("paris", 15_537_394),
  atTime("shanghai", 1_681_338_455),
  atTime("cancun", 1_710_338_135),
  atTime("prague", 1_746_612_311),
  atTime("osaka", 1_764_798_551),
];

const sepolia: ForkSchedule = [
  atBlock("london", 0),
  atBlock("paris", 1_450_409),
  atTime("shanghai", 1_677_557_088),
  atTime("cancun", 1_706_655_072),
  atTime("prague", 1_741_159_776),
  atTime("osaka", 1_760_427_360),
];

const holesky: ForkSchedule = [
  atBlock("paris", 0),
  atTime("shanghai", 1_696_000_704),
  atTime("cancun", 1_707_305_664),
  atTime("prague", 1_740_434_112),
  atTime("osaka", 1_759_308_480),
];

const hoodi: ForkSchedule = [
  atBlock("cancun", 0),
  atTime("prague", 1_742_999_832),
  atTime("osaka", 1_761_677_592),
];

const schedules: ReadonlyMap<number, ForkSchedule> = new Map([
  [1, mainnet],
  [11_155_111, sepolia],
  [17_000, holesky],
  [560_048, hoodi],
]);

/** The schedule of a public chain; null for every other chain id. */
export function scheduleOfChain(chainId: number): ForkSchedule | null {
  return schedules.get(chainId) ?? null;
}

/** The keys of a genesis file's `config`, in the order of the forks. */
const blockKeys: readonly (readonly [string, Fork])[] = [
  ["homesteadBlock", "homestead"],
  ["eip150Block", "tangerine"],
  ["eip155Block", "spurious"],
  ["eip158Block", "spurious"],
  ["byzantiumBlock", "byzantium"],
  ["constantinopleBlock", "constantinople"],
  ["petersburgBlock", "petersburg"],
  ["istanbulBlock", "istanbul"],
  ["berlinBlock", "berlin"],
  ["londonBlock", "london"],
  ["mergeNetsplitBlock", "paris"],
];
const timeKeys: readonly (readonly [string, Fork])[] = [
  ["shanghaiTime", "shanghai"],
  ["cancunTime", "cancun"],
  ["pragueTime", "prague"],
  ["osakaTime", "osaka"],
  ["amsterdamTime", "amsterdam"],
];

/**
 * Reads a schedule from a genesis file in geth's format: its `config`, or that object alone.
 * @throws {TypeError} where it is no such object or a fork's place is no whole number.
 */
export function parseGenesisForks(genesis: unknown): ForkSchedule {
  const root = toRecord(genesis, "the genesis file");
  const config = root["config"] === undefined ? root : toRecord(root["config"], "config");
  const schedule: ForkActivation[] = [atBlock("frontier", 0)];
  for (const [key, fork] of blockKeys) {
    const block = toPlace(config, key);
    if (block !== null) schedule.push(atBlock(fork, block));
  }
  // A chain that was always proof of stake says so without naming a block.
  const mergedFromStart =
    config["terminalTotalDifficultyPassed"] === true || isZero(config["terminalTotalDifficulty"]);
  if (mergedFromStart && !schedule.some(({ fork }) => fork === "paris")) {
    schedule.push(atBlock("paris", 0));
  }
  for (const [key, fork] of timeKeys) {
    const timestamp = toPlace(config, key);
    if (timestamp !== null) schedule.push(atTime(fork, timestamp));
  }
  return schedule;
}

function toRecord(value: unknown, what: string): Readonly<Record<string, unknown>> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new TypeError(`${what} is no object`);
  }
  return Object.fromEntries(Object.entries(value));
}

function toPlace(config: Readonly<Record<string, unknown>>, key: string): number | null {
  const value = config[key];
  if (value === undefined || value === null) return null;
  // Number("") is 0.
  const place = typeof value === "string" && value.trim() !== "" ? Number(value) : value;
  if (typeof place !== "number" || !Number.isSafeInteger(place) || place < 0) {
    throw new TypeError(`config.${key} is no block or time`);
  }
  return place;
}

function isZero(value: unknown): boolean {
  return value === 0 || value === "0" || value === "0x0";
}

/** Names that clients use for forks beside ours. */
const forkNames: Readonly<Record<string, Fork>> = {
  tangerinewhistle: "tangerine",
  tangerine: "tangerine",
  spuriousdragon: "spurious",
  eip150: "tangerine",
  eip158: "spurious",
  constantinoplefix: "petersburg",
  muirglacier: "istanbul",
  arrowglacier: "london",
  grayglacier: "london",
  merge: "paris",
  dao: "homestead",
  daofork: "homestead",
  frontierthawing: "frontier",
};

/**
 * One fork from the first block on, by the name that a development node gives (`anvil_nodeInfo.hardFork`); case,
 * spaces, `-` and `_` do not count, and blob-parameter forks (BPO1..) follow Osaka's rules. Null for an unknown name.
 */
export function scheduleOfHardfork(name: string): ForkSchedule | null {
  const word = name.toLowerCase().replace(/[\s_-]/g, "");
  const fork = /^bpo\d*$/.test(word)
    ? "osaka"
    : (forks.find((known) => known === word) ?? forkNames[word]);
  return fork === undefined ? null : [atBlock(fork, 0)];
}
