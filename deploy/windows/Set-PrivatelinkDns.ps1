<#
.SYNOPSIS
Sends the names of Azure Backup from this Windows host to privatelink-dns, and nothing else.

.DESCRIPTION
Sets local rules of the Name Resolution Policy Table (NRPT), one for each suffix of the cloud. Windows asks the given
servers for names below these suffixes, and its ordinary DNS servers for every other name. It needs no change to DHCP,
the VNet or Active Directory's DNS. It is meant for hosts with the MARS agent.

A second run with the same servers changes nothing; one with other servers replaces the rules. The rules of this script
are those with its comment and display name; no other rule is changed or removed. Rules stay until -Remove, over
restarts too.

Local rules are ignored as soon as a Group Policy brings rules of its own. The script then changes nothing and says so.

This script has not been run by its authors, who had no Windows: its syntax alone is checked. Begin with -WhatIf.

.PARAMETER Server
The addresses of privatelink-dns, which listens at port 53: the NRPT has no ports.

.PARAMETER Cloud
The Azure cloud: public, usgov or china.

.PARAMETER Remove
Removes the rules of this script.

.PARAMETER Test
Changes nothing. Resolves each name as Windows does, and tries TCP port 443 at its address.

.PARAMETER Name
With -Test: names that must have a private address, such as an account of a list and a name of a vault with
'privatelink' in it.

.EXAMPLE
.\Set-PrivatelinkDns.ps1 -Server '10.0.0.4', '10.0.0.5' -WhatIf

Says what would be changed.

.EXAMPLE
.\Set-PrivatelinkDns.ps1 -Server '10.0.0.4', '10.0.0.5'

Sets the rules.

.EXAMPLE
.\Set-PrivatelinkDns.ps1 -Test -Name acct.blob.core.windows.net

Shows the address of the account, whether it is private, and whether port 443 is reached.

.EXAMPLE
.\Set-PrivatelinkDns.ps1 -Remove

Removes the rules.

.NOTES
For Windows PowerShell 5.1 and newer, on Windows 8.1 and Windows Server 2012 R2 and newer.
nslookup ignores the NRPT: it shows what the ordinary DNS server says. Use Resolve-DnsName.
Exit codes: 0 done, or every name is right; 1 failed, or a name is not right.
#>
[CmdletBinding(SupportsShouldProcess = $true, DefaultParameterSetName = 'Set')]
param(
    [Parameter(Mandatory = $true, ParameterSetName = 'Set')]
    [string[]] $Server,

    [Parameter(ParameterSetName = 'Set')]
    [ValidateSet('public', 'usgov', 'china')]
    [string] $Cloud = 'public',

    [Parameter(Mandatory = $true, ParameterSetName = 'Remove')]
    [switch] $Remove,

    [Parameter(Mandatory = $true, ParameterSetName = 'Test')]
    [switch] $Test,

    [Parameter(Mandatory = $true, ParameterSetName = 'Test')]
    [string[]] $Name
)

Set-StrictMode -Version 2.0
# The commands of the module DnsClient do not see this one, because it is not global: each has -ErrorAction Stop.
$ErrorActionPreference = 'Stop'

# The same as in docs/forwarders.md; a test compares them.
$Suffixes = @{
    'public' = @(
        'blob.core.windows.net'
        'queue.core.windows.net'
        'backup.windowsazure.com'
        'blob.storage.azure.net'
    )
    'usgov' = @(
        'blob.core.usgovcloudapi.net'
        'queue.core.usgovcloudapi.net'
        'backup.windowsazure.us'
    )
    'china' = @(
        'blob.core.chinacloudapi.cn'
        'queue.core.chinacloudapi.cn'
        'backup.windowsazure.cn'
    )
}

# The mark of our own rules.
$Mark = 'privatelink-dns'
$Note = 'Set by Set-PrivatelinkDns.ps1'

# Rules of a Group Policy. Windows ignores all local rules while this key exists, even if it is empty.
$PolicyKey = 'HKLM:\SOFTWARE\Policies\Microsoft\Windows NT\DNSClient\DnsPolicyConfig'

# The parts of a list. `powershell -File` passes 'a,b' as one text.
function Split-List {
    param([string[]] $Text)
    $Text | ForEach-Object { $_ -split ',' } | ForEach-Object { $_.Trim() } | Where-Object { $_ -ne '' }
}

function Get-OwnRule {
    @(Get-DnsClientNrptRule -ErrorAction Stop | Where-Object { $_.DisplayName -eq $Mark -and $_.Comment -eq $Note })
}

function Test-Administrator {
    $identity = [System.Security.Principal.WindowsIdentity]::GetCurrent()
    $principal = New-Object -TypeName System.Security.Principal.WindowsPrincipal -ArgumentList $identity
    $principal.IsInRole([System.Security.Principal.WindowsBuiltInRole]::Administrator)
}

# What speaks against a change; nothing where all is well. With -WhatIf nothing needs rights.
function Get-Obstacle {
    if (-not $WhatIfPreference -and -not (Test-Administrator)) {
        'Rules of the NRPT need an elevated PowerShell: start it with "Run as administrator".'
    }
    if (-not $Remove) {
        Get-PolicyObstacle
        Split-List -Text $Server | Where-Object { -not (Test-Address -Text $_) } | ForEach-Object {
            "-Server: '$_' is no address. Write the addresses of the servers, without a port."
        }
    }
}

# Windows takes '10.4' for 10.0.0.4; here an address has four parts, or a colon.
function Test-Address {
    param([string] $Text)
    ($Text -match '^\d+\.\d+\.\d+\.\d+$' -or $Text -match ':') -and $null -ne ($Text -as [System.Net.IPAddress])
}

function Get-PolicyObstacle {
    if (Test-Path -LiteralPath $PolicyKey) {
        $PolicyKey + ' exists: a Group Policy has NRPT rules, and Windows ignores local rules beside it. ' +
        'Add the suffixes to that policy (Computer Configuration, Policies, Windows Settings, ' +
        'Name Resolution Policy), or take the policy away.'
    }
}

# A rule as text: its suffix, and the servers in their order.
function Get-RuleText {
    param([string[]] $Namespace, [string[]] $Address)
    ($Namespace -join ',') + ' ' + ($Address -join ',')
}

# True if the rules are just those that are wanted: one for each suffix, with these servers in this order.
function Test-OwnRule {
    param([object[]] $Rule, [string[]] $Namespace, [string[]] $Address)
    $wanted = @($Namespace | ForEach-Object { Get-RuleText -Namespace $_ -Address $Address } | Sort-Object)
    $present = @($Rule | ForEach-Object { Get-RuleText -Namespace $_.Namespace -Address $_.NameServers } | Sort-Object)
    ($wanted -join ';') -eq ($present -join ';')
}

# Rules of others for the same names: the reader should know of them.
function Show-ForeignRule {
    param([string[]] $Namespace)
    foreach ($rule in @(Get-DnsClientNrptRule -ErrorAction Stop)) {
        if ($rule.DisplayName -eq $Mark -and $rule.Comment -eq $Note) { continue }
        foreach ($theirs in @($rule.Namespace)) {
            foreach ($ours in $Namespace) {
                if ($ours.EndsWith($theirs) -or $theirs.EndsWith($ours)) {
                    Write-Warning ('Another NRPT rule has ' + $theirs + '. It stays; look whether you need both.')
                }
            }
        }
    }
}

function Clear-Cache {
    if ($PSCmdlet.ShouldProcess('DNS client cache', 'Clear')) {
        Clear-DnsClientCache -ErrorAction Stop
    }
}

function Remove-OwnRule {
    param([object[]] $Rule)
    foreach ($one in $Rule) {
        if ($PSCmdlet.ShouldProcess('NRPT rule for ' + ($one.Namespace -join ', '), 'Remove')) {
            Remove-DnsClientNrptRule -Name $one.Name -Force -ErrorAction Stop
        }
    }
}

function Add-OwnRule {
    param([string[]] $Namespace, [string[]] $Address)
    foreach ($one in $Namespace) {
        if ($PSCmdlet.ShouldProcess('NRPT rule for ' + $one, 'Add with ' + ($Address -join ', '))) {
            Add-DnsClientNrptRule -Namespace $one -NameServers $Address -DisplayName $Mark -Comment $Note `
                -ErrorAction Stop
        }
    }
}

function Set-OwnRule {
    $namespaces = @($Suffixes[$Cloud] | ForEach-Object { '.' + $_ })
    # As Windows writes them, so that a second run finds them.
    $addresses = @(Split-List -Text $Server | ForEach-Object { ([System.Net.IPAddress] $_).IPAddressToString })
    $before = @(Get-OwnRule)
    Show-ForeignRule -Namespace $namespaces
    if (Test-OwnRule -Rule $before -Namespace $namespaces -Address $addresses) {
        Write-Output 'The rules are there already. Nothing was changed.'
        return
    }
    # The new ones first: if one cannot be added, the old ones are still there.
    Add-OwnRule -Namespace $namespaces -Address $addresses
    Remove-OwnRule -Rule $before
    Clear-Cache
    Get-OwnRule | Format-Table -AutoSize -Property @('Namespace', 'NameServers', 'DisplayName')
}

# RFC 1918, RFC 6598 and RFC 4193: where private endpoints are.
function Test-PrivateAddress {
    param([System.Net.IPAddress] $Address)
    $bytes = $Address.GetAddressBytes()
    if ($bytes.Length -eq 16) {
        return ($bytes[0] -band 0xFE) -eq 0xFC
    }
    ($bytes[0] -eq 10) -or ($bytes[0] -eq 172 -and $bytes[1] -ge 16 -and $bytes[1] -le 31) -or
    ($bytes[0] -eq 192 -and $bytes[1] -eq 168) -or ($bytes[0] -eq 100 -and $bytes[1] -ge 64 -and $bytes[1] -le 127)
}

function Test-Name {
    param([string] $HostName)
    $result = New-Object -TypeName PSObject -Property @{ Name = $HostName; Address = ''; Port443 = ''; Verdict = '' }
    try {
        $answer = @(Resolve-DnsName -Name $HostName -Type A -DnsOnly | Where-Object { $_.QueryType -eq 'A' })
    } catch {
        $result.Verdict = "WRONG: $($_.Exception.Message)"
        return $result
    }
    if ($answer.Count -eq 0) {
        $result.Verdict = 'WRONG: the name has no address'
        return $result
    }
    $result.Address = ($answer | ForEach-Object { $_.IPAddress }) -join ', '
    $public = @($answer | Where-Object { -not (Test-PrivateAddress -Address $_.IPAddress) })
    $reached = Test-NetConnection -ComputerName $answer[0].IPAddress -Port 443 -WarningAction SilentlyContinue
    $result.Port443 = $reached.TcpTestSucceeded
    if ($public.Count -gt 0) {
        $result.Verdict = 'WRONG: public. Another server was asked, or no list has the name'
    } elseif (-not $reached.TcpTestSucceeded) {
        $result.Verdict = 'WRONG: no way to port 443: a route, a firewall or a network security group'
    } else {
        $result.Verdict = 'right'
    }
    $result
}

# The names that are not right, after a table of all.
function Get-WrongName {
    if (@(Get-OwnRule).Count -eq 0) {
        Write-Warning 'This script has set no rule here.'
    }
    Get-PolicyObstacle | Write-Warning
    $results = @(Split-List -Text $Name | ForEach-Object { Test-Name -HostName $_ })
    $results | Format-Table -AutoSize -Wrap -Property @('Name', 'Address', 'Port443', 'Verdict') | Out-Host
    Write-Host 'nslookup ignores the NRPT and may show other addresses.'
    $results | Where-Object { $_.Verdict -ne 'right' }
}

if ($Test) {
    exit [int](@(Get-WrongName).Count -gt 0)
}
$obstacles = @(Get-Obstacle)
if ($obstacles.Count -gt 0) {
    $obstacles | ForEach-Object { Write-Error -Message ('Nothing was changed. ' + $_) -ErrorAction Continue }
    exit 1
}
if ($Remove) {
    $rules = @(Get-OwnRule)
    if ($rules.Count -eq 0) {
        Write-Output 'There are no rules of this script. Nothing was changed.'
    } else {
        Remove-OwnRule -Rule $rules
        Clear-Cache
    }
} else {
    Set-OwnRule
}
exit 0
