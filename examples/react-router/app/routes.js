import { route } from "@react-router/dev/routes";

export default [
  route("webhooks/gwop", "routes/webhooks.gwop.js"),
  route("auth/*", "routes/auth.$.js"),
  route("me", "routes/me.js"),
];
