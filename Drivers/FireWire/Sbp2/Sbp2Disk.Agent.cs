using Sluice.FireWire.Core;

namespace Sluice.Drivers.Sbp2;

// The fetch agent's registers: it is reset after each login and when something went wrong, told where a list begins, and rung when the list
// got longer. Each is written by a transaction of its own, one at a time. Source: SBP-2, section 6.4.
public sealed unsafe partial class Sbp2Disk
{
    private readonly Transaction _pointerWrite, _resetWrite, _doorbell;
    private AgentPhase _agent;
    private bool _wantsRing;

    private enum AgentPhase : byte
    {
        Unknown,
        ToReset,
        Resetting,

        /// <summary>It has no list.</summary>
        Reset,

        /// <summary>It is being told where the list begins.</summary>
        Starting,

        /// <summary>It follows the list, or waits for the doorbell at its end.</summary>
        Running,
    }

    private void TryRing()
    {
        if (!_wantsRing || _agent != AgentPhase.Running || _doorbell.IsUnderWay)
            return;
        _wantsRing = false;
        _bus.Submit(_doorbell.WriteQuadlet(_node, _generation, _agentAt + AgentRegister.Doorbell, 0));
    }

    private void TryResetAgent()
    {
        if (_agent != AgentPhase.ToReset || _resetWrite.IsUnderWay)
            return;
        _agent = AgentPhase.Resetting;
        _bus.Submit(_resetWrite.WriteQuadlet(_node, _generation, _agentAt + AgentRegister.Reset, 0));
    }

    // The agent has no list; the door may be opened.
    private void AgentWasReset(bool isOk)
    {
        if (_agent != AgentPhase.Resetting)
            return;
        _agent = isOk ? AgentPhase.Reset : AgentPhase.Unknown;
        if (isOk)
        {
            _over = _linked;
            _wantsRing = false;
            EndedAll();
        }
        else
        {
            Counters.LostWrites++;
        }
        if (State == DiskState.Recovering)
            RecoveryStepEnded(isOk);
        else if (!isOk)
            Recover(RecoveryStep.TaskSet);
        else if (State == DiskState.Starting)
            _due = 0;
    }

    private void RegisterLost()
    {
        Counters.LostWrites++;
        Recover(RecoveryStep.TaskSet);
    }
}
