// CommonJS, because the SDK loads it with `require`, and into the workflows' sandbox too.
const { DefaultFailureConverter } = require("@temporalio/common");

// Messages and stacks go through the codec as well; without this they stay in clear.
exports.failureConverter = new DefaultFailureConverter({ encodeCommonAttributes: true });
