import { z } from "zod";
import type { Hex } from "../domain/chain.ts";
import type { SignerPolicy } from "../workflows/staking/messages.ts";
import { httpUrl, text, wholeNumber } from "./schema-parts.ts";

const milliseconds = (minimum = 1) => wholeNumber("milliseconds", { minimum });

/** A decimal string: JavaScript's numbers end at 0.009 ETH. Plain numbers of a file are taken where they are exact. */
const wei = z
  .union(
    [
      z.string().regex(/^\d{1,30}$/, { error: "must be a whole number (wei)" }),
      z
        .number()
        .int()
        .nonnegative()
        .max(2 ** 53 - 1),
    ],
    {
      error: "must be a whole number (wei)",
    },
  )
  .transform(String);

const hexOf = (digits: number, error: string) =>
  text
    .regex(new RegExp(`^0x[0-9a-fA-F]{${digits}}$`), { error })
    .transform((value): Hex => `0x${value.slice(2).toLowerCase()}`);
const address = hexOf(40, "must be an address: 0x and 40 hex digits");

const node = z.strictObject({
  name: text.regex(/^[\w.-]{1,64}$/, { error: "must be 1 to 64 letters, digits, dots or dashes" }),
  url: httpUrl,
  headers: z.record(text, text).default({}),
});

const keySources = ["mnemonic", "mnemonicFile", "privateKey", "privateKeyFile"] as const;

/** Secrets: their faults name the key, never the value. */
const signer = z
  .strictObject({
    address: address.nullable().default(null),
    mnemonic: text
      .regex(/^\s*[a-z]+(\s+[a-z]+){11,23}\s*$/, { error: "must be 12 to 24 lower case words" })
      .nullable()
      .default(null),
    mnemonicFile: text.nullable().default(null),
    privateKey: hexOf(64, "must be 0x and 64 hex digits").nullable().default(null),
    privateKeyFile: text.nullable().default(null),
  })
  .refine((given) => keySources.filter((source) => given[source] !== null).length <= 1, {
    error: `must have one of ${keySources.join(", ")}, not several`,
  })
  .refine((given) => Object.values(given).some((value) => value !== null), {
    error:
      "must say who signs: PROCESSOR_MNEMONIC, PROCESSOR_PRIVATE_KEY or a file of either; STAKING_SIGNER_ADDRESS where another process has the key",
  });

/** What the signer's workflow takes; a policy that it refuses would end it at once, again and again. */
const aWeekAtMost = milliseconds().max(7 * 86_400_000, {
  error: "must be at most 604800000 (milliseconds, a week)",
});

const policy = z.strictObject({
  maxFeePerGasWei: wei.default("30000000000"),
  maxPriorityFeePerGasWei: wei.nullable().default(null),
  maxInFlight: wholeNumber("transactions", { minimum: 1 })
    .max(16, { error: "must be at most 16 (transactions): nodes keep no more of one account" })
    .default(4),
  queueLimit: wholeNumber("requests", { minimum: 1 })
    .max(1000, { error: "must be at most 1000 (requests): the signer carries them all" })
    .default(1000),
  bumpAfterMs: aWeekAtMost.default(30_000),
  rebroadcastAfterMs: aWeekAtMost.default(15_000),
  reserveWei: wei.default("1000000000000000000"),
  perOwnerPerDay: wholeNumber("requests a day", { minimum: 1 })
    .max(1_000_000, {
      error: "must be at most 1000000 (requests a day); leave it away for any number",
    })
    .nullable()
    .default(null),
}) satisfies z.ZodType<SignerPolicy>;

const redis = z.strictObject({
  /** May hold a password: never shown. */
  url: text.regex(/^rediss?:\/\/\S+$/, { error: "must be a redis:// or rediss:// url" }),
  streamKey: text.default("feeless:signatures"),
  group: text.default("staking-backend-processor"),
  consumer: text.default("staking-backend-processor-consumer"),
  readBlockMs: milliseconds().default(30_000),
  /** Only simulates, in a consumer group of its own, while the reference still sends. */
  shadow: z.boolean({ error: "must be true or false" }).default(false),
});

const monitor = z.strictObject({
  maximumUnacknowledged: wholeNumber("messages", { minimum: 0 }).default(10),
  stuckAfterMs: milliseconds().default(86_400_000),
  loopMaximumMs: milliseconds().default(60_000),
});

const codecKey = z
  .string({ error: "must be text" })
  .regex(/^[\w.-]{1,64}:[A-Za-z0-9+/]{43}=$/, {
    error: "must be id:key, the key 32 bytes in base64 (openssl rand -base64 32)",
  })
  .transform((entry) => {
    const [id = "", key = ""] = entry.split(":");
    return { id, key };
  });

const codec = z.strictObject({
  /** The first encrypts, all decrypt. */
  keys: z
    .array(codecKey, { error: "must be a list of id:key" })
    .min(1, {
      error:
        "must hold a key, which keeps users' signatures unreadable in Temporal: STAKING_CODEC_KEYS=id:key, the key from openssl rand -base64 32",
    })
    .refine((keys) => new Set(keys.map(({ id }) => id)).size === keys.length, {
      error: "must give every key an id of its own",
    })
    .prefault([]),
  /** The one web page that may ask for decoded payloads. */
  uiOrigin: text
    .regex(/^https?:\/\/[^/\s]+$/, { error: "must be an origin such as http://127.0.0.1:8233" })
    .nullable()
    .default(null),
});

/** The end of a request is a time that tables and timers hold. */
const aHundredYearsAtMost = milliseconds(1000).max(36_500 * 86_400_000, {
  error: "must be at most 3153600000000 (milliseconds, 100 years)",
});

/** `staking:` of blockloom.yaml; null where nothing of it is set. */
export const stakingSchema = z
  .strictObject({
    chainId: wholeNumber("chain id", { minimum: 1 }).nullable().default(null),
    nodes: z
      .array(node, { error: "must be a list of nodes; CHAIN_RPC_URL gives them too" })
      .min(1, { error: "must hold a node" })
      .refine((nodes) => new Set(nodes.map(({ name }) => name)).size === nodes.length, {
        error: "must give every node a name of its own",
      }),
    contractAddress: z.string({ error: "must be set; STAKING_ADDRESS gives it too" }).pipe(address),
    signer: signer.prefault({}),
    /** null: the node's finalized block. */
    confirmations: wholeNumber("blocks", { minimum: 0 }).nullable().default(null),
    policy: policy.prefault({}),
    requestLifetimeMs: aHundredYearsAtMost.default(7 * 86_400_000),
    alertBalanceWei: wei.default("1000000000000000000"),
    redis: redis.nullable().default(null),
    monitor: monitor.prefault({}),
    codec: codec.prefault({}),
  })
  .refine(
    ({ alertBalanceWei, policy: { reserveWei } }) => BigInt(alertBalanceWei) >= BigInt(reserveWei),
    {
      path: ["alertBalanceWei"],
      error: "must not be below the minimum balance (policy.reserveWei, PROCESSOR_MIN_BALANCE)",
    },
  )
  .nullable()
  .default(null);

export type StakingSettings = NonNullable<z.output<typeof stakingSchema>>;
