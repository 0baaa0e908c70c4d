# One environment: names are chosen here, once, and handed to the modules that make what has them.
locals {
  name      = "sleap-rtc-${var.environment}"
  partition = startswith(var.region, "cn-") ? "aws-cn" : startswith(var.region, "us-gov-") ? "aws-us-gov" : "aws"
  # Bucket names are unique in all of AWS; the account's number makes them so.
  buckets = {
    for use in ["uploads", "rooms", "logs"] : use => "${local.name}-${var.account_id}-${use}"
  }
  upload_events_queue = "${local.name}-upload-events"
  model_events_queue  = "${local.name}-model-events"
  room_events_topic   = "${local.name}-room-events"
  job_queue_prefix    = "${local.name}-jobs"
  event_visibility_s  = 60
  queue_retention_s   = 345600
  tags = merge(var.tags, {
    Project    = "sleap-rtc"
    Deployment = local.name
  })
  place = {
    name       = local.name
    account_id = var.account_id
    region     = var.region
    partition  = local.partition
    tags       = local.tags
  }
  kms_key_arn = one(module.keys[*].key_arn)
  # Where the image lies elsewhere, ECS needs no right to pull it.
  ecr_repository = try(regex("[.]dkr[.]ecr[.][^/]+/([^:@]+)", var.image)[0], null)
}

module "keys" {
  source = "../keys"
  count  = var.customer_key ? 1 : 0

  name       = local.place.name
  account_id = local.place.account_id
  region     = local.place.region
  partition  = local.place.partition
  tags       = local.place.tags
  buckets    = [local.buckets["uploads"], local.buckets["rooms"]]
}

module "identity" {
  source = "../identity"

  name                          = local.place.name
  account_id                    = local.place.account_id
  region                        = local.place.region
  partition                     = local.place.partition
  tags                          = local.place.tags
  uploads_bucket                = local.buckets["uploads"]
  rooms_bucket                  = local.buckets["rooms"]
  upload_events_queue           = local.upload_events_queue
  model_events_queue            = local.model_events_queue
  room_events_topic             = local.room_events_topic
  job_queue_prefix              = local.job_queue_prefix
  kms_key_arn                   = local.kms_key_arn
  domain_prefix                 = var.sign_in_domain_prefix
  ecr_repository                = local.ecr_repository
  deletion_protection           = var.protected
  oidc_provider_arn             = var.oidc_provider_arn
  oidc_issuer                   = var.oidc_issuer
  oidc_subjects                 = var.oidc_subjects
  scaler_oidc_subjects          = var.scaler_oidc_subjects
  desktop_worker_principal_arns = var.desktop_worker_principal_arns
  operator_principal_arns       = var.operator_principal_arns
}

module "storage" {
  source = "../storage"

  name              = local.place.name
  account_id        = local.place.account_id
  region            = local.place.region
  partition         = local.place.partition
  tags              = local.place.tags
  uploads_bucket    = local.buckets["uploads"]
  rooms_bucket      = local.buckets["rooms"]
  logs_bucket       = local.buckets["logs"]
  cors_origins      = var.cors_origins
  dataset_days      = var.dataset_days
  queue_retention_s = local.queue_retention_s
  trusted_role_arns = module.identity.data_role_arns
  kms_key_arn       = local.kms_key_arn
  force_destroy     = var.throwaway
}

module "eventing" {
  source = "../eventing"

  name                = local.place.name
  account_id          = local.place.account_id
  region              = local.place.region
  partition           = local.place.partition
  tags                = local.place.tags
  uploads_bucket      = module.storage.uploads_bucket
  rooms_bucket        = module.storage.rooms_bucket
  upload_events_queue = local.upload_events_queue
  model_events_queue  = local.model_events_queue
  room_events_topic   = local.room_events_topic
  job_queue_prefix    = local.job_queue_prefix
  event_visibility_s  = local.event_visibility_s
  queue_retention_s   = local.queue_retention_s
  kms_key_arn         = local.kms_key_arn
}

module "service" {
  source = "../service"

  name                = local.place.name
  account_id          = local.place.account_id
  region              = local.place.region
  partition           = local.place.partition
  tags                = local.place.tags
  image               = var.image
  cpu                 = var.cpu
  memory              = var.memory
  min_count           = var.min_count
  desired_count       = var.min_count
  max_count           = var.max_count
  upload_events_queue = module.eventing.upload_events_queue_name
  vpc_cidr            = var.vpc_cidr
  certificate_arn     = var.certificate_arn
  hostname            = var.hostname
  hosted_zone_id      = var.hosted_zone_id
  access_logs_bucket  = module.storage.logs_bucket
  task_role_arn       = module.identity.service_task_role_arn
  execution_role_arn  = module.identity.service_execution_role_arn
  settings            = local.service_settings
  secrets             = var.secrets
  log_retention_days  = var.log_retention_days
  deletion_protection = var.protected
}

module "alarms" {
  source = "../alarms"

  name                      = local.place.name
  account_id                = local.place.account_id
  region                    = local.place.region
  partition                 = local.place.partition
  tags                      = local.place.tags
  queue_names               = [module.eventing.upload_events_queue_name, module.eventing.model_events_queue_name]
  dead_letter_queue_names   = module.eventing.dead_letter_queue_names
  load_balancer_arn_suffix  = module.service.load_balancer_arn_suffix
  target_group_arn_suffixes = module.service.target_group_arn_suffixes
  log_group_name            = module.service.log_group_name
  uploads_bucket            = module.storage.uploads_bucket
  rooms_bucket              = module.storage.rooms_bucket
  notify_emails             = var.notify_emails
  monthly_budget_usd        = var.monthly_budget_usd
  anomaly_usd               = var.anomaly_usd
  activate_cost_tag         = var.activate_cost_tag
}

module "workers" {
  source = "../workers"
  count  = length(var.worker_rooms) > 0 ? 1 : 0

  name             = local.place.name
  account_id       = local.place.account_id
  region           = local.place.region
  partition        = local.place.partition
  tags             = local.place.tags
  uploads_bucket   = module.storage.uploads_bucket
  rooms_bucket     = module.storage.rooms_bucket
  job_queue_prefix = local.job_queue_prefix
  rooms            = var.worker_rooms
  worker_role_arn  = module.identity.runai_worker_role_arn
  scaler_role_arn  = module.identity.scaler_role_arn
  image            = var.worker_image
  settings         = { SLEAP_RTC_ROOM_EVENTS_TOPIC = local.room_events_topic }
}
