# The manifests of worker/deploy, filled in for each room. A test holds manifests/*.tftpl against those files.
locals {
  manifests = {
    for kind, indent in { keda = 14, runai = 12 } : kind => {
      for room, most in var.rooms : room => templatefile("${path.module}/manifests/${kind}.yaml.tftpl", {
        room            = room
        object_name     = "sleap-rtc-worker-${lower(replace(room, "_", "-"))}"
        most            = most
        image           = var.image
        namespace       = var.namespace
        service_account = var.service_account
        worker_role_arn = var.worker_role_arn
        scaler_role_arn = var.scaler_role_arn
        queue_url       = "https://sqs.${var.region}.amazonaws.com/${var.account_id}/${var.job_queue_prefix}-${room}"
        region          = var.region
        uploads_bucket  = var.uploads_bucket
        rooms_bucket    = var.rooms_bucket
        # Quoted as JSON is, which YAML reads, too.
        more_environment = join("", [
          for name, value in local.settings : "\n${join("", [for _ in range(indent) : " "])}- {name: ${name}, value: ${jsonencode(value)}}"
        ])
      })
    }
  }

  settings = merge(var.settings, { SLEAP_RTC_JOB_QUEUE_PREFIX = var.job_queue_prefix })
}
