# For `sam build`: one bundle per function, with the plugins that SAM's own esbuild builder cannot run.
build-%Function:
	node_modules/.bin/node build/main.ts function $* "$(ARTIFACTS_DIR)"
