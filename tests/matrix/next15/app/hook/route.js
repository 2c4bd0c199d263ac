export { handle as POST } from "../../shop.js";
export const dynamic = "force-dynamic";
