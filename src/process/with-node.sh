#!/bin/sh
# Runs a command with the Node.js that package.json pins: `sh src/process/with-node.sh node src/server.ts`. Where npm installs
# none that runs, as on macOS and with musl, the first on the PATH that is new enough is used.
#
# npm 11 links the pinned one into node_modules/.bin, where its scripts find it. npm 10 creates this link too, but removes it
# together with the packages of other platforms, which have a link of that name.

# With --dev as the first argument, prints a sentence where `npm ci --omit=dev` has left out the packages of the command.
if [ "$1" = --dev ]; then
  shift
  if [ ! -d node_modules/vitest ]; then
    echo 'This needs the development packages: npm ci --include=dev' >&2
    exit 1
  fi
fi

is_new_enough() {
  "$1" -e 'const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 22 || (a === 22 && b >= 18) ? 0 : 1)' 2>/dev/null
}

use() {
  PATH="$1:$PATH"
  export PATH
  shift
  exec "$@"
}

for folder in "$PWD"/node_modules/node-*/bin; do
  if is_new_enough "$folder/node"; then use "$folder" "$@"; fi
done

found=
separator=$IFS
IFS=:
for folder in $PATH; do
  IFS=$separator
  if is_new_enough "$folder/node"; then use "$folder" "$@"; fi
  found=${found:-$("$folder/node" --version 2>/dev/null)}
done
echo "This needs Node.js 22.18 or later, and npm has installed none that runs here. The one on the PATH is ${found:-missing}: install a newer one." >&2
exit 1
