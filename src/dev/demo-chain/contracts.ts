import { createRequire } from "node:module";
import { type Address, encodeDeployData, getContractAddress, type Hex, parseAbi } from "viem";
import { z } from "zod";
import { assemble, initCodeOf } from "./assembler.ts";

export const tokenAbi = parseAbi([
  "constructor(uint256 supply)",
  "function transfer(address to, uint256 value) returns (bool)",
  "function approve(address spender, uint256 value) returns (bool)",
  "function balanceOf(address owner) view returns (uint256)",
]);
export const wethAbi = parseAbi(["function deposit() payable", "function withdraw(uint256 wad)"]);
export const routerAbi = parseAbi([
  "constructor(address factory, address weth)",
  "function addLiquidity(address tokenA, address tokenB, uint256 amountA, uint256 amountB, uint256 minimumA, uint256 minimumB, address to, uint256 deadline) returns (uint256, uint256, uint256)",
  "function swapExactTokensForTokens(uint256 amountIn, uint256 amountOutMin, address[] path, address to, uint256 deadline) returns (uint256[])",
  "function swapExactETHForTokens(uint256 amountOutMin, address[] path, address to, uint256 deadline) payable returns (uint256[])",
]);
const factoryAbi = parseAbi(["constructor(address feeToSetter)"]);

const artifact = z.object({ bytecode: z.string() });

/** Compiled code from a registry package, `0x` in front. */
function bytecodeOf(path: string): Hex {
  const code = artifact.parse(createRequire(import.meta.url)(path)).bytecode;
  return `0x${code.replace(/^0x/, "")}`;
}

/**
 * Small contracts that do what well-behaved ones never do. Each takes raw words as calldata; none checks who calls.
 */
const gadgets = {
  /** word 0: rounds. Hashing, arithmetic, a little storage: about 24 steps a round. */
  looper: assemble(`
    PUSH0 CALLDATALOAD
    loop: DUP1 ISZERO @end JUMPI
      DUP1 PUSH0 MSTORE  32 PUSH0 KECCAK256  7 MUL  3 ADD  32 MSTORE
      DUP1 DUP1 MUL 97 SWAP1 MOD POP
      1 SWAP1 SUB @loop JUMP
    end: 32 MLOAD PUSH0 SSTORE STOP`),
  /** word 0: depth left, word 1: call kind (0 CALL, 1 STATICCALL, 2 DELEGATECALL), word 2: revert at the bottom. */
  nester: assemble(`
    PUSH0 CALLDATALOAD DUP1 ISZERO @bottom JUMPI
    96 PUSH0 PUSH0 CALLDATACOPY
    1 SWAP1 SUB PUSH0 MSTORE
    32 CALLDATALOAD DUP1 1 EQ @static JUMPI 2 EQ @delegate JUMPI
    PUSH0 PUSH0 96 PUSH0 PUSH0 ADDRESS GAS CALL @done JUMP
    static: POP PUSH0 PUSH0 96 PUSH0 ADDRESS GAS STATICCALL @done JUMP
    delegate: PUSH0 PUSH0 96 PUSH0 ADDRESS GAS DELEGATECALL
    done: POP STOP
    bottom: 64 CALLDATALOAD @fail JUMPI STOP
    fail: 0xbad PUSH0 MSTORE 32 PUSH0 REVERT`),
  /** Reverts with its calldata as data. */
  reverter: assemble(`
    CALLDATASIZE PUSH0 PUSH0 CALLDATACOPY CALLDATASIZE PUSH0 REVERT`),
  /** word 0: a target. Calls it with word 1 as data in all four ways; failures are swallowed. */
  fourCalls: assemble(`
    32 32 PUSH0 CALLDATACOPY
    32 PUSH0 32 PUSH0 PUSH0 PUSH0 CALLDATALOAD 50000 CALL POP
    32 PUSH0 32 PUSH0 PUSH0 PUSH0 CALLDATALOAD 50000 CALLCODE POP
    32 PUSH0 32 PUSH0 PUSH0 CALLDATALOAD 50000 DELEGATECALL POP
    32 PUSH0 32 PUSH0 PUSH0 CALLDATALOAD 50000 STATICCALL POP STOP`),
  /** Calldata is init code: CREATE, then CREATE2 with salt = block number, of the same code. */
  creator: assemble(`
    CALLDATASIZE PUSH0 PUSH0 CALLDATACOPY
    CALLDATASIZE PUSH0 PUSH0 CREATE POP
    NUMBER CALLDATASIZE PUSH0 PUSH0 CREATE2 POP STOP`),
  /** word 0: precompile address, the rest: its input. The outcome is returned. */
  precompile: assemble(`
    32 CALLDATASIZE SUB 32 PUSH0 CALLDATACOPY
    64 PUSH0 32 CALLDATASIZE SUB PUSH0 PUSH0 CALLDATALOAD 200000 STATICCALL
    PUSH0 MSTORE 32 PUSH0 RETURN`),
  /** Sends what it has to its caller and goes. */
  mortal: assemble("CALLER SELFDESTRUCT"),
  /** Never ends: out of gas. */
  endless: assemble("loop: GAS POP @loop JUMP"),
  /** Halts in the way of word 0: 0 INVALID, 1 undefined opcode, 2 stack underflow, 3 bad jump, 4 memory beyond any gas, 5 return data out of bounds. */
  halter: assemble(`
    PUSH0 CALLDATALOAD
    DUP1 1 EQ @undefined JUMPI  DUP1 2 EQ @underflow JUMPI  DUP1 3 EQ @jump JUMPI
    DUP1 4 EQ @memory JUMPI  DUP1 5 EQ @bounds JUMPI  INVALID
    undefined: UNDEFINED
    underflow: POP POP STOP
    jump: 2 JUMP
    memory: PUSH0 0xffffffffffff MSTORE STOP
    bounds: 32 PUSH0 PUSH0 RETURNDATACOPY STOP`),
  /** Tries to write in a static call of itself, then uses transient storage, MCOPY and logs. */
  writer: assemble(`
    CALLDATASIZE @write JUMPI
    PUSH0 PUSH0 1 PUSH0 ADDRESS 50000 STATICCALL POP
    1 PUSH0 TSTORE PUSH0 TLOAD PUSH0 MSTORE 32 PUSH0 32 MCOPY
    0x0ddba11 32 PUSH0 LOG1 STOP
    write: 1 1 SSTORE STOP`),
  /** word 0: a slot. Sets and clears it (a refund), and sends the call's value to word 1. */
  refunder: assemble(`
    1 PUSH0 CALLDATALOAD SSTORE  PUSH0 PUSH0 CALLDATALOAD SSTORE
    PUSH0 PUSH0 PUSH0 PUSH0 CALLVALUE 32 CALLDATALOAD GAS CALL POP
    32 CALLDATALOAD BALANCE POP STOP`),
} as const satisfies Record<string, Hex>;
export type Gadget = keyof typeof gadgets;

/** Where everything stands; the same on every chain of ours, because one account deploys in one order. */
export type Contracts = {
  readonly weth: Address;
  readonly factory: Address;
  readonly router: Address;
  readonly tokens: readonly [Address, Address, Address];
  readonly gadgets: Readonly<Record<Gadget, Address>>;
};

type Deployment = { readonly address: Address; readonly data: Hex };

/** Addresses and init codes of the demo's contracts, in the order of the deployer's nonces from 0. */
export function planContracts(deployer: Address): {
  contracts: Contracts;
  deployments: readonly Deployment[];
} {
  const deployments: Deployment[] = [];
  function deploy(data: Hex): Address {
    const address = getContractAddress({ from: deployer, nonce: BigInt(deployments.length) });
    deployments.push({ address, data });
    return address;
  }
  const token = () =>
    deploy(
      encodeDeployData({
        abi: tokenAbi,
        bytecode: bytecodeOf("@uniswap/v2-periphery/build/ERC20.json"),
        args: [10n ** 30n],
      }),
    );
  const weth = deploy(bytecodeOf("canonical-weth/build/contracts/WETH9.json"));
  const factory = deploy(
    encodeDeployData({
      abi: factoryAbi,
      bytecode: bytecodeOf("@uniswap/v2-core/build/UniswapV2Factory.json"),
      args: [deployer],
    }),
  );
  const router = deploy(
    encodeDeployData({
      abi: routerAbi,
      bytecode: bytecodeOf("@uniswap/v2-periphery/build/UniswapV2Router02.json"),
      args: [factory, weth],
    }),
  );
  const tokens = [token(), token(), token()] as const;
  const place = (name: Gadget) => deploy(initCodeOf(gadgets[name]));
  return {
    deployments,
    contracts: {
      weth,
      factory,
      router,
      tokens,
      gadgets: {
        looper: place("looper"),
        nester: place("nester"),
        reverter: place("reverter"),
        fourCalls: place("fourCalls"),
        creator: place("creator"),
        precompile: place("precompile"),
        mortal: place("mortal"),
        endless: place("endless"),
        halter: place("halter"),
        writer: place("writer"),
        refunder: place("refunder"),
      },
    },
  };
}

/** Init codes for creation traffic: each shows another end of a creation. */
export const initCodes = {
  empty: "0x",
  small: initCodeOf(assemble("1 PUSH0 MSTORE 32 PUSH0 RETURN")),
  /** Sends its value to its creator and is gone in the transaction that made it. */
  mortal: assemble("CALLER SELFDESTRUCT"),
  reverting: assemble("0xdead PUSH0 MSTORE 32 PUSH0 REVERT"),
  /** Returns code that begins with 0xEF, which EIP-3541 refuses. */
  refusedDeposit: assemble("0xef PUSH0 MSTORE 1 31 RETURN"),
  /** Returns 24,577 bytes, one more than EIP-170 allows. */
  oversized: assemble("24577 PUSH0 RETURN"),
} as const satisfies Record<string, Hex>;
