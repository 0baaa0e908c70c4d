# Production: what people keep in it outlives it.
module "environment" {
  source = "../../modules/environment"

  environment        = "prod"
  min_count          = 2
  max_count          = 6
  vpc_cidr           = "10.70.0.0/20"
  log_retention_days = 365

  throwaway                     = var.throwaway
  protected                     = var.protected
  account_id                    = var.account_id
  region                        = var.region
  tags                          = var.tags
  hostname                      = var.hostname
  certificate_arn               = var.certificate_arn
  hosted_zone_id                = var.hosted_zone_id
  image                         = var.image
  operator_principal_arns       = var.operator_principal_arns
  desktop_worker_principal_arns = var.desktop_worker_principal_arns
  oidc_provider_arn             = var.oidc_provider_arn
  oidc_issuer                   = var.oidc_issuer
  oidc_subjects                 = var.oidc_subjects
  scaler_oidc_subjects          = var.scaler_oidc_subjects
  worker_rooms                  = var.worker_rooms
  worker_image                  = var.worker_image
  notify_emails                 = var.notify_emails
  monthly_budget_usd            = var.monthly_budget_usd
  activate_cost_tag             = var.activate_cost_tag
  customer_key                  = var.customer_key
  cors_origins                  = var.cors_origins
  settings                      = var.settings
  secrets                       = var.secrets
}
