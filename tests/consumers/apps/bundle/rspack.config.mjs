export default { output: { filename: "bundle.js" } };
