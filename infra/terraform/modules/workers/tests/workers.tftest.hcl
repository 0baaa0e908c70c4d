mock_provider "aws" {}

variables {
  name             = "sleap-rtc-test"
  account_id       = "123456789012"
  region           = "eu-central-1"
  uploads_bucket   = "lab-uploads"
  rooms_bucket     = "lab-rooms"
  job_queue_prefix = "lab-jobs"
  rooms            = { "3f2a91c0" = 4, "Mice_1" = 1 }
  worker_role_arn  = "arn:aws:iam::123456789012:role/sleap-rtc-test-runai-worker"
  scaler_role_arn  = "arn:aws:iam::123456789012:role/sleap-rtc-test-scaler"
  image            = "images.example.org/sleap-rtc-worker:0.1.0"
  settings         = { SLEAP_RTC_ROOM_EVENTS_TOPIC = "lab-room-events" }
}

run "a_manifest_for_each_room" {
  command = plan

  assert {
    condition     = keys(output.keda_manifests) == ["3f2a91c0", "Mice_1"] && keys(output.runai_manifests) == ["3f2a91c0", "Mice_1"]
    error_message = "Each room has both."
  }
  assert {
    condition     = yamldecode(split("\n---\n", output.keda_manifests["3f2a91c0"])[2]).spec.triggers[0].metadata.queueURL == "https://sqs.eu-central-1.amazonaws.com/123456789012/lab-jobs-3f2a91c0"
    error_message = "KEDA watches the room's queue."
  }
  assert {
    condition     = yamldecode(split("\n---\n", output.keda_manifests["3f2a91c0"])[2]).spec.maxReplicaCount == 4 && yamldecode(split("\n---\n", output.keda_manifests["Mice_1"])[2]).spec.maxReplicaCount == 1
    error_message = "Each room has the GPUs that it may have."
  }
  assert {
    condition     = yamldecode(split("\n---\n", output.keda_manifests["3f2a91c0"])[0]).metadata.annotations["eks.amazonaws.com/role-arn"] == var.worker_role_arn && yamldecode(split("\n---\n", output.keda_manifests["3f2a91c0"])[1]).spec.podIdentity.roleArn == var.scaler_role_arn
    error_message = "Workers and scaler have a role each."
  }
  assert {
    condition = alltrue([
      for name, value in { SLEAP_RTC_S3_REGION = "eu-central-1", SLEAP_RTC_S3_UPLOAD_BUCKET = "lab-uploads", SLEAP_RTC_S3_ROOM_BUCKET = "lab-rooms", SLEAP_RTC_JOB_QUEUE_PREFIX = "lab-jobs", SLEAP_RTC_ROOM_EVENTS_TOPIC = "lab-room-events" } :
      contains(yamldecode(output.runai_manifests["Mice_1"]).spec.template.spec.containers[0].env, { name = name, value = value })
      && contains(yamldecode(split("\n---\n", output.keda_manifests["Mice_1"])[2]).spec.jobTargetRef.template.spec.containers[0].env, { name = name, value = value })
    ])
    error_message = "A worker finds buckets, queues and topic of its environment."
  }
  assert {
    condition     = yamldecode(output.runai_manifests["Mice_1"]).metadata.name == "sleap-rtc-worker-mice-1" && contains(yamldecode(output.runai_manifests["Mice_1"]).spec.template.spec.containers[0].args, "Mice_1")
    error_message = "Names are such as Kubernetes takes, and the room keeps its own."
  }
}

run "rooms_that_kubernetes_cannot_tell_apart" {
  command = plan

  variables {
    rooms = { "mice-1" = 1, "Mice_1" = 1 }
  }

  expect_failures = [var.rooms]
}

run "no_gpus" {
  command = plan

  variables {
    rooms = { "mice-1" = 0 }
  }

  expect_failures = [var.rooms]
}

run "no_room_ids" {
  command = plan

  variables {
    rooms = { "mice/1" = 1 }
  }

  expect_failures = [var.rooms]
}

run "values_that_cannot_be" {
  command = plan

  variables {
    name             = "s"
    account_id       = "1234"
    region           = "Frankfurt"
    partition        = "gcp"
    uploads_bucket   = "Lab"
    rooms_bucket     = "rooms--x-s3"
    job_queue_prefix = "jobs of a lab"
    namespace        = "Sleap"
    service_account  = "worker_1"
    image            = "images.example.org/sleap-rtc-worker:latest"
    settings         = { SLEAP_RTC_TOKEN = "hush" }
  }

  expect_failures = [
    var.name, var.account_id, var.region, var.partition, var.uploads_bucket, var.rooms_bucket, var.job_queue_prefix, var.namespace,
    var.service_account, var.image, var.settings,
  ]
}

run "roles_of_nobody" {
  command = plan

  variables {
    worker_role_arn = "sleap-rtc-worker"
    scaler_role_arn = "arn:aws:iam::210987654321:role/scaler"
  }

  expect_failures = [var.worker_role_arn, var.scaler_role_arn]
}

run "a_setting_that_is_there_already" {
  command = plan

  variables {
    settings = { SLEAP_RTC_S3_REGION = "us-east-1" }
  }

  expect_failures = [var.settings]
}
