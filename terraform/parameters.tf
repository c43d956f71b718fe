# Written by "npm run terraform" from template.yaml.

locals {
  parameters = {
    Mode                       = var.mode
    ApprovalSeconds            = tostring(var.approval_seconds)
    AutomaticChangesPerDay     = tostring(var.automatic_changes_per_day)
    CoolDownSeconds            = tostring(var.cool_down_seconds)
    AlarmNamespaces            = join(",", var.alarm_namespaces)
    AlarmNamePrefix            = var.alarm_name_prefix
    FleetConcurrency           = tostring(var.fleet_concurrency)
    UtilizationThreshold       = tostring(var.utilization_threshold)
    LossThreshold              = tostring(var.loss_threshold)
    PortPressureThreshold      = tostring(var.port_pressure_threshold)
    AllowanceThreshold         = tostring(var.allowance_threshold)
    AllowanceHeadroomThreshold = tostring(var.allowance_headroom_threshold)
    SilentAlarms               = var.silent_alarms
    HighResolutionAlarms       = var.high_resolution_alarms
    AgentAlarms                = var.agent_alarms
    PublishPeriodSeconds       = var.publish_period_seconds
    ManageCloudWatchAgent      = var.manage_cloud_watch_agent
    CompositeAlarms            = var.composite_alarms
    PagingTopicArn             = var.paging_topic_arn
    NotificationEmail          = var.notification_email
    PreventionSchedule         = var.prevention_schedule
    LookAheadDays              = tostring(var.look_ahead_days)
    LookAheadPlaces            = var.look_ahead_places
    LogRetentionDays           = tostring(var.log_retention_days)
    KmsKeyArn                  = var.kms_key_arn
    ApprovalPageConcurrency    = tostring(var.approval_page_concurrency)
    Dashboard                  = var.dashboard
    SpokeAccounts              = join(",", var.spoke_accounts)
    SpokeOrganization          = var.spoke_organization
    SpokeExternalId            = var.spoke_external_id
  }
}
