/// Reliability campaigns over stores, and the children that they kill (docs/RELIABILITY.md).
///
/// Each campaign prints what it tried in one line, and for each failure the command that replays it. It
/// exits with 0 when every promise held, 1 when not.
import Glibc

// Whatever whoever started this ignores: children are waited for, and alarms end what hangs.
for number in [SIGALRM, SIGCHLD, SIGTERM] { signal(number, SIG_DFL) }
var noSignals = sigset_t()
sigemptyset(&noSignals)
sigprocmask(SIG_SETMASK, &noSignals, nil)

do {
    let arguments = try Arguments(CommandLine.arguments)
    switch arguments.command {
    case "work": exit(try KillCampaign.work(arguments))
    case "kill": exit(try KillCampaign.run(arguments))
    case "power": exit(try PowerCampaign.run(arguments))
    case "failing-calls": exit(try FailingCallsCampaign.run(arguments))
    case "full-disk": exit(try FullDiskCampaign.run(arguments))
    case "model": exit(try ModelCampaign.run(arguments))
    case "damage": exit(try DamageCampaign.run(arguments))
    case "damage-index": exit(try DamageCampaign.indexChild(arguments))
    case "race": exit(try RaceCampaign.run(arguments))
    case "race-child": exit(try RaceCampaign.child(arguments))
    case "layers": exit(try LayersCampaign.run(arguments))
    case "spoiled-layers": exit(try SpoiledLayersCampaign.run(arguments))
    case "layers-child": exit(try LayersCampaign.child(arguments))
    case "cases": exit(try CaseCampaign.run(arguments))
    case "case": exit(try CaseCampaign.child(arguments))
    case "case-collect": exit(try CaseCampaign.collectChild(arguments))
    case "case-remove": exit(try CaseCampaign.removeChild(arguments))
    case "case-repair": exit(try CaseCampaign.repairChild(arguments))
    case "defects": exit(try DefectCampaign.run(arguments))
    case "case-pid": say("\(getpid())")
    case "soak": exit(try SoakCampaign.run(arguments))
    case "soak-child": exit(try SoakRole.child(arguments))
    case "transfers": exit(try TransferCampaign.run(arguments))
    case "transfer": exit(try TransferCampaign.child(arguments))
    case "torture": exit(try Torture.run(arguments))
    default: throw Violation("fault-worker COMMAND [--points N] [--seed N] [--only N]")
    }
} catch {
    say("FAILED: \(error)")
    exit(2)
}
