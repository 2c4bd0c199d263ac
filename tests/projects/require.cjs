// `require` of an ES module works in Node when nothing awaits at the top level.
const { Gwop } = require("@gwop/sdk");
const { GwopCheckout } = require("@gwop/sdk/checkout");

new Gwop();
console.log(typeof GwopCheckout);
