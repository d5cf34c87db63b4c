using System;
using Sluice.FireWire.Core;
using Sluice.Platform;

namespace Sluice.Drivers.Sbp2;

// Management requests, one at a time: the management agent is told where the ORB is, reads it through the window, and writes a status there.
// Source: SBP-2, sections 5.1.3, 6.2 and 8.
public sealed unsafe partial class Sbp2Disk
{
    // Before a login, and between tries: together longer than a target may hold a login that we know nothing of.
    private const ulong LoginPause = 200_000, LoginRetryPause = 500_000;
    private const int MostLogins = 20, MostReconnects = 3;

    // While another disk of the node has told the agent something; after the agent said that it is busy.
    private const ulong TurnPause = 10_000, ConflictPause = 100_000;

    // What others wait for takes no longer; who does not answer by then is given up, so that they go on.
    private const ulong SharedTime = 2_000_000;

    private readonly Transaction _managementWrite;
    private ManagementPhase _phase;
    private ulong _managementDue = ulong.MaxValue, _tellAt;
    private bool _hasStatus, _isOk, _hasLogin;
    private ushort _login;
    private ulong _agentAt, _holdTime, _holdUntil;
    private int _loginTries;

    private enum ManagementPhase : byte
    {
        None,

        /// <summary>The agent is to be told, when the last write has ended.</summary>
        Queued,

        /// <summary>The agent is told; a status is waited for.</summary>
        Told,
    }

    internal bool IsManaging => _phase == ManagementPhase.Told;

    /// <summary>The management agent's register, and when it was told last.</summary>
    internal ulong Agent => _unit.Agent;

    internal ulong ToldAt { get; private set; }

    internal bool IsLoggingIn => IsManaging && State == DiskState.LoggingIn;

    private void LogInLater(ulong pause)
    {
        State = DiskState.Waiting;
        _loginTries = 0;
        _due = Clock.Microseconds + pause;
        _work.Mark();
    }

    private void LogIn()
    {
        if (!TryTakeMemory())
        {
            Counters.NoMemory++;
            LoginFailed();
            return;
        }
        State = DiskState.LoggingIn;
        Window.Response.Clear();
        Manage(ManagementFunction.Login, _unit.LogicalUnit, 0);
    }

    private void Reconnect()
    {
        State = DiskState.Reconnecting;
        _loginTries = 0;
        Manage(ManagementFunction.Reconnect, _login, 0);
    }

    private void LoginFailed()
    {
        Counters.LoginsFailed++;
        if (++_loginTries == MostLogins)
        {
            Leave(DiskState.Failed);
            return;
        }
        State = DiskState.Waiting;
        _due = Clock.Microseconds + LoginRetryPause;
    }

    private void LoginEnded(bool isOk)
    {
        if (!isOk)
        {
            LoginFailed();
            return;
        }
        if (!Management.TryRead(Window.Response, out _login, out _agentAt, out uint hold))
        {
            Counters.BadResponses++;
            LoginFailed();
            return;
        }
        Counters.Logins++;
        _isDelayed = false;
        _most = Orbs;
        _holdTime = hold * 1_000_000ul;
        Enter(DiskState.Starting);
    }

    private void ReconnectEnded(bool isOk)
    {
        if (isOk)
        {
            Counters.Reconnects++;
            Enter(_wasReady && _step == ProbeStep.Done ? DiskState.Ready : DiskState.Starting);
            return;
        }
        Counters.ReconnectsFailed++;
        if (++_loginTries < MostReconnects && Clock.Microseconds < _holdUntil)
        {
            Manage(ManagementFunction.Reconnect, _login, 0);
            return;
        }
        // Who does not know us any more lets us log in again.
        _hasLogin = false;
        LogInLater(0);
    }

    // Logged in: the agent is reset first, whatever state it is in.
    private void Enter(DiskState state)
    {
        State = state;
        _recoveries = 0;
        _step = state == DiskState.Starting ? ProbeStep.Inquiry : _step;
        _probeTries = 0;
        _due = ulong.MaxValue;
        _agent = AgentPhase.ToReset;
        TryResetAgent();
        _work.Mark();
    }

    private bool IsAwaited => State == DiskState.Recovering && _neighbours.HasOther(this);

    /// <summary>Asks for a management function; <see cref="ManagementEnded"/> follows, unless the bus changes.</summary>
    private void Manage(ManagementFunction function, ushort which, ulong task)
    {
        Window.Turn();
        Management.Write(Window.Orb, function, which, task, Window.Start + LoginWindow.ResponseAt, Window.Start + LoginWindow.StatusAt);
        _phase = ManagementPhase.Queued;
        _managementDue = Clock.Microseconds + (IsAwaited ? Math.Min(_unit.ManagementTime, SharedTime) : _unit.ManagementTime);
        _tellAt = 0;
        _work.Mark();
        TrySendManagement();
    }

    private void TrySendManagement()
    {
        if (_phase != ManagementPhase.Queued || _managementWrite.IsUnderWay)
            return;
        ulong now = Clock.Microseconds;
        if (now < _tellAt)
            return;
        if (!_neighbours.HasTurn(this))
        {
            _tellAt = now + TurnPause;
            return;
        }
        _phase = ManagementPhase.Told;
        ToldAt = now;
        _hasStatus = _isOk = false;
        ulong pointer = Big(Window.Start + Window.OrbAt);
        _bus.Submit(_managementWrite.WriteBlock(_node, _generation, _unit.Agent, (byte*)&pointer, sizeof(ulong)));
    }

    private void ManagementWritten(TransactionResult result)
    {
        if (_phase != ManagementPhase.Told)
            return;
        if (_hasStatus)
            ManagementEnded(_isOk);
        else if (result is TransactionResult.ConflictError or TransactionResult.Busy)
        {
            // It is busy with what another asked for, or with a bus reset.
            _phase = ManagementPhase.Queued;
            _tellAt = Clock.Microseconds + ConflictPause;
        }
        else if (result is not (TransactionResult.Complete or TransactionResult.TimedOut or TransactionResult.BusReset or TransactionResult.OldGeneration))
        {
            Counters.LostWrites++;
            ManagementEnded(false);
        }
    }

    private void TakeManagementStatus(in StatusBlock status)
    {
        if (_phase != ManagementPhase.Told || _hasStatus)
        {
            Counters.UnknownOrbs++;
            return;
        }
        _hasStatus = true;
        _isOk = status.IsGood;
        // The agent may be quicker than the answer to what it was told.
        if (!_managementWrite.IsUnderWay)
            ManagementEnded(_isOk);
    }

    private ulong NextManagementDue => _phase == ManagementPhase.Queued && !_managementWrite.IsUnderWay ? Math.Min(_managementDue, _tellAt) : _managementDue;

    private void CheckManagement(ulong now)
    {
        if (now < _managementDue)
            return;
        _managementDue = ulong.MaxValue;
        if (_phase == ManagementPhase.None)
            return;
        Counters.ManagementTimeOuts++;
        if (IsAwaited)
            Leave(DiskState.Failed);
        else
            ManagementEnded(false);
    }

    private void ManagementEnded(bool isOk)
    {
        _phase = ManagementPhase.None;
        _managementDue = ulong.MaxValue;
        _work.Mark();
        switch (State)
        {
            case DiskState.LoggingIn:
                LoginEnded(isOk);
                break;
            case DiskState.Reconnecting:
                ReconnectEnded(isOk);
                break;
            case DiskState.Recovering:
                RecoveryStepEnded(isOk);
                break;
            case DiskState.LoggingOut:
                if (isOk)
                    EndedAll();
                Leave(DiskState.Absent);
                break;
        }
    }
}
