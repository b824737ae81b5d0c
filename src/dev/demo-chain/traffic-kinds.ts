import {
  type Address,
  concat,
  encodeFunctionData,
  type Hex,
  numberToHex,
  pad,
  parseEther,
} from "viem";
import {
  type Contracts,
  type Gadget,
  initCodes,
  routerAbi,
  tokenAbi,
  wethAbi,
} from "./contracts.ts";
import type { Random } from "./random.ts";

/** What a transaction does; who sends it and how it is priced is added later. `to: null` creates. */
export type Action = {
  readonly to: Address | null;
  readonly data?: Hex;
  readonly value?: bigint;
  /** Gas limit; enough for the action, or on purpose too little. */
  readonly gas: number;
  /** Carries an authorization of EIP-7702 for this address. */
  readonly delegateTo?: Address;
};
export type Scene = {
  readonly contracts: Contracts;
  readonly random: Random;
  readonly sender: Address;
  readonly blockNumber: number;
  /** An account that may have code by EIP-7702. */
  readonly authority: Address;
};
export type MakeAction = (scene: Scene) => Action;

const words = (...values: readonly (number | bigint | Hex)[]): Hex =>
  concat(
    values.map((value) =>
      typeof value === "string" ? pad(value) : numberToHex(value, { size: 32 }),
    ),
  );
const call = (gadget: Gadget, data: Hex, gas = 400_000): MakeAction => {
  return ({ contracts }) => ({ to: contracts.gadgets[gadget], data, gas });
};
const precompile = (address: number, ...input: readonly Hex[]): MakeAction =>
  call("precompile", concat([words(address), ...input]));

/** No deadline on a chain whose clock is ours. */
const noDeadline = 2n ** 255n;

/** A fresh address that was never used: paying it creates an account. */
const stranger = ({ random, blockNumber }: Scene): Address =>
  numberToHex(BigInt(blockNumber) * 1_000_000n + BigInt(random.between(0, 999_999)) + 2n ** 100n, {
    size: 20,
  });

function swap(scene: Scene, hops: 1 | 2): Action {
  const { tokens, router } = scene.contracts;
  const start = scene.random.between(0, 2);
  const path = Array.from({ length: hops + 1 }, (_, hop) => tokens[(start + hop) % 3] ?? tokens[0]);
  const amount = BigInt(scene.random.between(1, 1000)) * 10n ** 15n;
  return {
    to: router,
    data: encodeFunctionData({
      abi: routerAbi,
      functionName: "swapExactTokensForTokens",
      args: [amount, 0n, path, scene.sender, noDeadline],
    }),
    gas: 500_000,
  };
}

/** What people do all day. */
export const ordinaryKinds = {
  etherTransfer: (scene) => ({
    to: stranger(scene),
    value: parseEther("0.001"),
    gas: 21_000,
  }),
  tokenTransfer: (scene) => ({
    to: scene.random.pick(scene.contracts.tokens),
    data: encodeFunctionData({
      abi: tokenAbi,
      functionName: "transfer",
      args: [stranger(scene), BigInt(scene.random.between(1, 1e9))],
    }),
    gas: 100_000,
  }),
  wethDeposit: ({ contracts }) => ({
    to: contracts.weth,
    data: encodeFunctionData({ abi: wethAbi, functionName: "deposit" }),
    value: parseEther("0.01"),
    gas: 100_000,
  }),
  approval: ({ contracts, random }) => ({
    to: random.pick(contracts.tokens),
    data: encodeFunctionData({
      abi: tokenAbi,
      functionName: "approve",
      args: [contracts.router, 2n ** 256n - 1n],
    }),
    gas: 100_000,
  }),
} as const satisfies Record<string, MakeAction>;

/** Trades: 4,200 to 7,400 steps each. */
export const swapKinds = {
  swap: (scene) => swap(scene, 1),
  swapTwice: (scene) => swap(scene, 2),
  swapEther: (scene) => ({
    to: scene.contracts.router,
    data: encodeFunctionData({
      abi: routerAbi,
      functionName: "swapExactETHForTokens",
      args: [0n, [scene.contracts.weth, scene.contracts.tokens[0]], scene.sender, noDeadline],
    }),
    value: parseEther("0.001"),
    gas: 500_000,
  }),
} as const satisfies Record<string, MakeAction>;

/** Much computation in one transaction: about 29 steps a round. */
export const loop =
  (rounds: number): MakeAction =>
  ({ contracts }) => ({
    to: contracts.gadgets.looper,
    data: words(rounds),
    gas: 100_000 + rounds * 250,
  });

/** What an indexer has to get right although it is rare; every block has one of them, in turn. */
export const rareKinds = {
  nestedCalls: call("nester", words(5, 0, 0)),
  nestedStaticCalls: call("nester", words(8, 1, 0)),
  nestedDelegateCalls: call("nester", words(12, 2, 0), 800_000),
  deepCalls: call("nester", words(60, 0, 0), 3_000_000),
  nestedRevert: call("nester", words(4, 0, 1)),
  revertWithoutData: call("reverter", "0x"),
  revertWithData: call("reverter", words(0xdead, 0xbeef)),
  revertOfToken: (scene) => ({
    to: scene.contracts.tokens[0],
    data: encodeFunctionData({
      abi: tokenAbi,
      functionName: "transfer",
      args: [scene.authority, 10n ** 31n],
    }),
    gas: 100_000,
  }),
  withdrawTooMuch: ({ contracts }) => ({
    to: contracts.weth,
    data: encodeFunctionData({ abi: wethAbi, functionName: "withdraw", args: [10n ** 30n] }),
    gas: 100_000,
  }),
  fourCallsOfLooper: ({ contracts }) => ({
    to: contracts.gadgets.fourCalls,
    data: words(contracts.gadgets.looper, 2),
    gas: 400_000,
  }),
  fourCallsOfReverter: ({ contracts }) => ({
    to: contracts.gadgets.fourCalls,
    data: words(contracts.gadgets.reverter, 0xbad),
    gas: 400_000,
  }),
  fourCallsOfStranger: (scene) => ({
    to: scene.contracts.gadgets.fourCalls,
    data: words(stranger(scene), 0),
    gas: 400_000,
  }),
  create: call("creator", initCodes.small),
  createEmpty: call("creator", initCodes.empty),
  createMortal: call("creator", initCodes.mortal),
  createReverting: call("creator", initCodes.reverting),
  createRefusedDeposit: call("creator", initCodes.refusedDeposit, 8_000_000),
  createOversized: call("creator", initCodes.oversized, 8_000_000),
  creation: () => ({ to: null, data: initCodes.small, gas: 200_000 }),
  creationEmpty: () => ({ to: null, data: initCodes.empty, value: 1n, gas: 100_000 }),
  creationReverting: () => ({ to: null, data: initCodes.reverting, gas: 200_000 }),
  creationRefusedDeposit: () => ({ to: null, data: initCodes.refusedDeposit, gas: 200_000 }),
  creationMortal: () => ({ to: null, data: initCodes.mortal, value: 7n, gas: 200_000 }),
  outOfGas: call("endless", "0x", 40_000),
  outOfGasInLoop: call("looper", words(5000), 50_000),
  invalidOpcode: call("halter", words(0), 80_000),
  undefinedOpcode: call("halter", words(1), 80_000),
  stackUnderflow: call("halter", words(2), 80_000),
  badJump: call("halter", words(3), 80_000),
  memoryBeyondGas: call("halter", words(4), 80_000),
  returnDataOutOfBounds: call("halter", words(5), 80_000),
  writeInStaticCall: call("writer", "0x"),
  refund: (scene) => ({
    to: scene.contracts.gadgets.refunder,
    data: words(scene.random.between(0, 99), stranger(scene)),
    value: 1n,
    gas: 200_000,
  }),
  selfDestruct: ({ contracts }) => ({ to: contracts.gadgets.mortal, value: 5n, gas: 100_000 }),
  ecrecover: precompile(1, words(1, 27, 1, 1)),
  sha256: precompile(2, words(1, 2, 3)),
  ripemd160: precompile(3, words(4)),
  identity: precompile(4, words(1, 2, 3, 4)),
  modexp: precompile(5, words(1, 1, 1), "0x030507"),
  bn254Add: precompile(6, words(1, 2, 1, 2)),
  /** (1, 1) is not on the curve: the call fails and takes its gas. */
  bn254AddFailing: precompile(6, words(1, 1, 1, 1)),
  bn254Pairing: precompile(8),
  blake2f: precompile(
    9,
    numberToHex(1, { size: 4 }),
    words(1, 2, 3, 4, 5, 6),
    pad("0x01", { size: 17 }),
  ),
  delegation: ({ contracts, authority }) => ({
    to: authority,
    data: words(3),
    gas: 400_000,
    delegateTo: contracts.gadgets.looper,
  }),
  callOfDelegated: ({ authority }) => ({ to: authority, data: words(5), gas: 200_000 }),
  delegationToReverter: ({ contracts, authority }) => ({
    to: authority,
    data: words(0xbad),
    gas: 400_000,
    delegateTo: contracts.gadgets.reverter,
  }),
} as const satisfies Record<string, MakeAction>;
