#!/bin/sh
# A language server that reads all and says nothing.
exec cat >/dev/null
