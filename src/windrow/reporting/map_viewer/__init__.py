"""The page that shows a crop map: HTML, styles and scripts, and OpenLayers for the map itself."""
