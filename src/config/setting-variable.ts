/** Variables of a process, as process.env gives them. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** `nodes`: urls with commas, each a node with a name made up for it. */
export type VariableKind = "text" | "number" | "boolean" | "list" | "nodes";

/** A setting that an environment variable may give: where it stands in blockloom.yaml. */
export type SettingVariable = {
  readonly name: string;
  /** `*` stands for the network that NETWORK names. */
  readonly path: readonly string[];
  readonly kind: VariableKind;
};

export const setting = (
  name: string,
  path: string,
  kind: VariableKind = "text",
): SettingVariable => ({ name, path: path.split("."), kind });
