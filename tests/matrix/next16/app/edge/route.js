export { handle as POST } from "../../shop.js";
export const runtime = "edge";
