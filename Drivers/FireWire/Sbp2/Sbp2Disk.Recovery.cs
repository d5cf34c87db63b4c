using Sluice.FireWire.Core;
using Sluice.Platform;

namespace Sluice.Drivers.Sbp2;

// What is done when a command gets no answer or the fetch agent stops: the task alone is aborted; if that does not help the door is shut,
// all commands are taken back, and their set is aborted, then the logical unit reset; then the agent is reset and the door opened again.
// What no longer answers at all is given up. Source: SBP-2, sections 6.4.1, 10.
public sealed unsafe partial class Sbp2Disk
{
    // Without a command that ends well in between; not counted are tasks that could be aborted.
    private const int MostRecoveries = 6;

    // From the abort of a task to its status.
    private const ulong GraceTime = 1_000_000;

    private RecoveryStep _recovery;
    private DiskState _resume;
    private int _recoveries, _abortedPlace;

    // Commands at once. Some bridges lose what is linked while they work: who needed help gets one after the other, until the next login.
    private int _most = Orbs;
    private bool _wasUnitReset;

    private enum RecoveryStep : byte
    {
        Abort,

        /// <summary>The abort is done; the status of the task is to come.</summary>
        Grace,
        TaskSet,
        UnitReset,
        AgentReset,
    }

    private void TimedOut(int place)
    {
        _abortedPlace = place;
        Recover(_orbs[place] == _probe ? RecoveryStep.TaskSet : RecoveryStep.Abort);
    }

    private void AgentDied()
    {
        Counters.DeadAgents++;
        if (State == DiskState.Recovering && _recovery is RecoveryStep.Abort or RecoveryStep.Grace)
        {
            _phase = ManagementPhase.None;
            Shut(counts: true);
            Begin(RecoveryStep.AgentReset);
        }
        else
        {
            Recover(RecoveryStep.AgentReset);
        }
    }

    private void Recover(RecoveryStep step)
    {
        if (State is not (DiskState.Starting or DiskState.Ready))
            return;
        _resume = State;
        _wasUnitReset = false;
        _most = 1;
        if (++_recoveries > MostRecoveries)
        {
            Leave(DiskState.Failed);
            return;
        }
        State = DiskState.Recovering;
        if (step != RecoveryStep.Abort)
            Shut(counts: true);
        Begin(step);
    }

    private void Begin(RecoveryStep step)
    {
        _recovery = step;
        _due = ulong.MaxValue;
        _work.Mark();
        switch (step)
        {
            case RecoveryStep.Abort:
                Counters.Aborts++;
                Manage(ManagementFunction.AbortTask, _login, _blocks.AddressOf(_abortedPlace).Value);
                break;
            case RecoveryStep.Grace:
                _due = Clock.Microseconds + GraceTime;
                break;
            case RecoveryStep.TaskSet:
                Counters.TaskSets++;
                Shut(counts: true);
                Manage(ManagementFunction.AbortTaskSet, _login, 0);
                break;
            case RecoveryStep.UnitReset:
                Counters.UnitResets++;
                _wasUnitReset = true;
                Manage(ManagementFunction.LogicalUnitReset, _login, 0);
                break;
            default:
                _agent = AgentPhase.ToReset;
                TryResetAgent();
                break;
        }
    }

    private void RecoveryStepEnded(bool isOk)
    {
        switch (_recovery)
        {
            case RecoveryStep.Abort:
                if (isOk && _orbs[_abortedPlace] == null)
                    Resume();
                else
                    Begin(isOk ? RecoveryStep.Grace : RecoveryStep.TaskSet);
                break;
            case RecoveryStep.TaskSet:
                Begin(isOk ? RecoveryStep.AgentReset : RecoveryStep.UnitReset);
                break;
            case RecoveryStep.AgentReset when isOk:
                Resume();
                break;
            case RecoveryStep.AgentReset when !_wasUnitReset:
                Begin(RecoveryStep.UnitReset);
                break;
            case RecoveryStep.UnitReset when isOk:
                Begin(RecoveryStep.AgentReset);
                break;
            default:
                Leave(DiskState.Failed);
                break;
        }
    }

    private void RecoveryMayEnd()
    {
        if (_recovery == RecoveryStep.Grace && _orbs[_abortedPlace] == null)
            Resume();
    }

    private void RecoveryDue() => Begin(RecoveryStep.TaskSet);

    private void Resume()
    {
        State = _resume;
        _recoveries -= _recovery is RecoveryStep.Abort or RecoveryStep.Grace ? 1 : 0;
        _due = State == DiskState.Starting ? 0 : ulong.MaxValue;
        _work.Mark();
    }
}
