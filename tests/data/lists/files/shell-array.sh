declare -A dns=(
  ["wxyzpod01ecs301.blob.core.windows.net"]="10.30.0.12"
  ["wxyzpod01ecs301.queue.core.windows.net"]="10.30.0.13"
)
