// Every function exported here is a workflow type that stays replayable.
export {};
