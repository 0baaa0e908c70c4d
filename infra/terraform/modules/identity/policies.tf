# What each role may do is in policies/*.json.tftpl, whose only directives are names in ${}: tests/infra renders the
# same files, and has an engine enforce them while the real client, worker and service run.
locals {
  names = {
    partition           = var.partition
    region              = var.region
    account_id          = var.account_id
    name                = var.name
    uploads_bucket      = var.uploads_bucket
    rooms_bucket        = var.rooms_bucket
    upload_events_queue = var.upload_events_queue
    model_events_queue  = var.model_events_queue
    room_events_topic   = var.room_events_topic
    job_queue_prefix    = var.job_queue_prefix
    ecr_repository      = coalesce(var.ecr_repository, "none")
    kms_key_arn         = coalesce(var.kms_key_arn, "none")
  }

  # Read and written again, so that what is sent is as short as it can be, and no policy is no JSON.
  service_policy         = jsonencode(jsondecode(templatefile("${path.module}/policies/service.json.tftpl", local.names)))
  execution_policy       = jsonencode(jsondecode(templatefile("${path.module}/policies/execution.json.tftpl", local.names)))
  execution_image_policy = jsonencode(jsondecode(templatefile("${path.module}/policies/execution-image.json.tftpl", local.names)))
  operator_policy        = jsonencode(jsondecode(templatefile("${path.module}/policies/operator.json.tftpl", local.names)))
  scaler_policy          = jsonencode(jsondecode(templatefile("${path.module}/policies/scaler.json.tftpl", local.names)))
  encryption_policy      = jsonencode(jsondecode(templatefile("${path.module}/policies/encryption.json.tftpl", local.names)))

  # A policy for each room, or one for every room.
  worker_policies = {
    for room in(length(var.worker_rooms) > 0 ? toset(var.worker_rooms) : toset(["*"])) :
    (room == "*" ? "every-room" : room) => jsonencode(jsondecode(templatefile(
      "${path.module}/policies/worker.json.tftpl", merge(local.names, { room = room })
    )))
  }
}
