# collect-windows-source-evidence - how near a private Windows host behind the NAT is to the end of its own ports, as one
# line of JSON: the counterpart of collect-source-evidence.sh.
#
# USAGE
#   Runs on a client of the NAT, not on the NAT, by the SSM agent. Windows Server 2012 or later.
#
# READS
#   Get-NetTCPConnection once, and the dynamic port range of Get-NetTCPSetting (else of netsh).
#
# CHANGES
#   Nothing.
#
# OVERHEAD
#   Some seconds of CPU for 16,000 connections: each becomes an object. Less than 2 kB of output.
#
# EXAMPLE
#   {"schema":"nat-medic/source-evidence/1","platform":"windows","takenAt":1795244993,"portRange":[49152,65535],
#   "reservedPorts":0,"reserved":null,"timeWaitReuse":null,"timestamps":null,"listeners":[3389,5985],"established":15872,
#   "timeWait":480,"destinations":[{"address":"203.0.113.7","port":443,"established":15600,"timeWait":0}],"unread":[]}
$ErrorActionPreference = 'Stop'
$ProgressPreference = 'SilentlyContinue'

# What is not read fits no schema, and so counts as a host that could not be read.
function Stop-Unread([string]$what) {
  # Not Write-Output: inside a function that would be its result.
  [Console]::Out.WriteLine('{"schema":"nat-medic/source-evidence/1","unread":["' + $what + '"]}')
  exit 0
}

# Numbers alone are taken from netsh: its words depend on the language of the system.
function Get-DynamicRange {
  try {
    $setting = Get-NetTCPSetting -SettingName Internet
    if ($setting.DynamicPortRangeNumberOfPorts -gt 0) {
      return [int]$setting.DynamicPortRangeStartPort, [int]$setting.DynamicPortRangeNumberOfPorts
    }
  } catch { }
  $numbers = @(netsh int ipv4 show dynamicport tcp | Select-String -Pattern ':\s*(\d+)\s*$' |
      ForEach-Object { [int]$_.Matches[0].Groups[1].Value })
  if ($numbers.Count -lt 2) { Stop-Unread 'the dynamic port range cannot be read' }
  return $numbers[0], $numbers[1]
}

try {
  $range = Get-DynamicRange
  $first = $range[0]
  $last = $range[0] + $range[1] - 1
  $connections = @(Get-NetTCPConnection)
} catch {
  Stop-Unread 'the connections cannot be read'
}

$established = 0
$timeWait = 0
$listeners = New-Object 'System.Collections.Generic.SortedSet[int]'
$remotes = @{}
foreach ($connection in $connections) {
  $state = [string]$connection.State
  $port = [int]$connection.LocalPort
  if ($state -eq 'Listen') {
    if ($port -ge 1024 -and ($port -lt $first -or $port -gt $last)) { [void]$listeners.Add($port) }
    continue
  }
  # Bound: a socket that has a port and no connection is listed beside its connection.
  if ($state -eq 'Bound' -or $port -lt $first -or $port -gt $last) { continue }
  $remote = ([string]$connection.RemoteAddress -replace '^::ffff:', '' -replace '%.*$', '') + ' ' + [int]$connection.RemotePort
  if (-not $remotes.ContainsKey($remote)) { $remotes[$remote] = @(0, 0) }
  if ($state -eq 'TimeWait') {
    $timeWait++
    $remotes[$remote][1]++
  } else {
    $established++
    $remotes[$remote][0]++
  }
}

$destinations = @($remotes.GetEnumerator() |
    Sort-Object -Property @{ Expression = { $_.Value[0] + $_.Value[1] }; Descending = $true }, Name |
    Select-Object -First 10 |
    ForEach-Object {
      $end = $_.Name.Split(' ')
      [ordered]@{ address = $end[0]; port = [int]$end[1]; established = $_.Value[0]; timeWait = $_.Value[1] }
    })

$evidence = [ordered]@{
  schema        = 'nat-medic/source-evidence/1'
  platform      = 'windows'
  takenAt       = [long]([DateTime]::UtcNow - [DateTime]'1970-01-01').TotalSeconds
  portRange     = @($first, $last)
  reservedPorts = 0
  reserved      = $null
  timeWaitReuse = $null
  timestamps    = $null
  listeners     = @($listeners | Select-Object -First 40)
  established   = $established
  timeWait      = $timeWait
  destinations  = $destinations
  unread        = @()
}
[Console]::Out.WriteLine((ConvertTo-Json -InputObject $evidence -Depth 4 -Compress))
exit 0
