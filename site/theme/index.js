// VitePress's own theme, with what this documentation needs besides.
import DefaultTheme from "vitepress/theme";
import "./style.css";

export default DefaultTheme;
