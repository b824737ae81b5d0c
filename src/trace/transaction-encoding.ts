import { RLP } from "@ethereumjs/rlp";
import type { Hex, RpcAuthorization, RpcTransaction } from "../domain/chain.ts";

/** What RLP encodes: bytes and lists of them. */
export type RlpInput = Uint8Array | RlpInput[];

/** A whole number as RLP has it: big-endian without leading zeros. */
export function quantity(hex: Hex): Uint8Array {
  const digits = hex.slice(2).replace(/^0+/, "");
  return new Uint8Array(Buffer.from(digits.length % 2 ? `0${digits}` : digits, "hex"));
}

export function bytes(hex: Hex): Uint8Array {
  return new Uint8Array(Buffer.from(hex.slice(2), "hex"));
}

/**
 * The canonical bytes of a transaction as blocks hold it (EIP-2718), without a blob sidecar; null where its
 * type is unknown or a field of its type is missing.
 */
export function encodeTransaction(transaction: RpcTransaction): Uint8Array | null {
  const type = Number(transaction.type ?? "0x0");
  const fields = transactionFields(type, transaction);
  if (fields === null) return null;
  const payload = RLP.encode(fields);
  if (type === 0) return payload;
  const encoded = new Uint8Array(payload.length + 1);
  encoded[0] = type;
  encoded.set(payload, 1);
  return encoded;
}

function transactionFields(type: number, transaction: RpcTransaction): RlpInput[] | null {
  const to = transaction.to ? bytes(transaction.to) : new Uint8Array(0);
  const { gasPrice, v, r, s } = transaction;
  const call = [
    quantity(transaction.gas),
    to,
    quantity(transaction.value),
    bytes(transaction.input),
  ];
  const nonce = quantity(transaction.nonce);
  if (type === 0) {
    if (!gasPrice || !v) return null;
    return [nonce, quantity(gasPrice), ...call, quantity(v), quantity(r), quantity(s)];
  }
  const parity = transaction.yParity ?? v;
  const { chainId, accessList } = transaction;
  if (!parity || !chainId || !accessList) return null;
  const signature = [quantity(parity), quantity(r), quantity(s)];
  const list: RlpInput = accessList.map(({ address, storageKeys }) => [
    bytes(address),
    storageKeys.map(bytes),
  ]);
  const head = [quantity(chainId), nonce];
  if (type === 1) {
    return gasPrice ? [...head, quantity(gasPrice), ...call, list, ...signature] : null;
  }
  const fees = feeFields(transaction);
  if (fees === null) return null;
  const common: RlpInput[] = [...head, ...fees, ...call, list];
  if (type === 2) return [...common, ...signature];
  if (type === 3) {
    const { maxFeePerBlobGas, blobVersionedHashes } = transaction;
    if (!maxFeePerBlobGas || !blobVersionedHashes) return null;
    return [...common, quantity(maxFeePerBlobGas), blobVersionedHashes.map(bytes), ...signature];
  }
  if (type !== 4 || !transaction.authorizationList) return null;
  const authorizations = transaction.authorizationList.map(authorizationFields);
  const known = authorizations.filter((fields) => fields !== null);
  return known.length < authorizations.length ? null : [...common, known, ...signature];
}

function feeFields({ maxPriorityFeePerGas, maxFeePerGas }: RpcTransaction): Uint8Array[] | null {
  if (!maxPriorityFeePerGas || !maxFeePerGas) return null;
  return [quantity(maxPriorityFeePerGas), quantity(maxFeePerGas)];
}

function authorizationFields(authorization: RpcAuthorization): RlpInput[] | null {
  const { chainId, address, nonce, r, s } = authorization;
  const parity = authorization.yParity ?? authorization.v;
  if (!parity) return null;
  return [
    quantity(chainId),
    bytes(address),
    quantity(nonce),
    quantity(parity),
    quantity(r),
    quantity(s),
  ];
}
