#!/usr/bin/env bash
# Makes src/windrow/reporting/map_viewer/openlayers/ again, from npm packages of fixed versions.
# It needs npm and a network. Run it after a change of the versions or of the parts below.
set -euo pipefail
cd "$(dirname "$0")/.."
target="$PWD/src/windrow/reporting/map_viewer/openlayers"
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
cd "$work"
echo '{"private": true}' > package.json
npm install --no-audit --no-fund --silent \
    ol@10.11.0 rbush@4.0.1 quickselect@3.0.0 esbuild@0.28.2
cat > parts.js <<'PARTS'
export {default as Feature} from 'ol/Feature.js';
export {default as Map} from 'ol/Map.js';
export {default as View} from 'ol/View.js';
export {default as ScaleLine} from 'ol/control/ScaleLine.js';
export {defaults as defaultControls} from 'ol/control/defaults.js';
export {defaults as defaultInteractions} from 'ol/interaction/defaults.js';
export {default as Polygon} from 'ol/geom/Polygon.js';
export {default as ImageLayer} from 'ol/layer/Image.js';
export {default as VectorLayer} from 'ol/layer/Vector.js';
export {default as Projection} from 'ol/proj/Projection.js';
export {default as ImageCanvas} from 'ol/source/ImageCanvas.js';
export {default as VectorSource} from 'ol/source/Vector.js';
export {default as Fill} from 'ol/style/Fill.js';
export {default as Stroke} from 'ol/style/Stroke.js';
export {default as Style} from 'ol/style/Style.js';
PARTS
npx esbuild parts.js --bundle --minify --format=iife --global-name=ol --target=es2020 \
    --charset=utf8 --outfile=ol.js --log-level=warning
cp ol.js node_modules/ol/ol.css "$target/"
{
    echo "OpenLayers 10.11.0"
    echo
    cat node_modules/ol/LICENSE.md
    for package in rbush quickselect; do
        echo
        echo "----"
        echo "$package $(node -p "require('./node_modules/$package/package.json').version")"
        echo
        cat "node_modules/$package/LICENSE"
    done
} > "$target/LICENSE"
