#!/bin/sh
# instance.sh NAME makes gok's working copy of the committed instance
# gokrazy/NAME in build/gokrazy/NAME: gok and pxebox update change it.
set -eu

cd "$(dirname "$0")/.."
name=$1
mkdir -p "build/gokrazy/$name"
cp "gokrazy/$name/config.json" "build/gokrazy/$name/config.json"
ln -sfn ../../../gokrazy/builddir "build/gokrazy/$name/builddir"
