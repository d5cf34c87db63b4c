using System;
using System.Threading;

namespace Sluice.VfioUser;

/// <summary>
/// A function's interrupt: a level that the device sets, delivered by pin or by message as the guest chose. Any thread.
///
/// The pin: the other side masks it when it is signalled and unmasks it at the guest's next access to a BAR, mostly before the guest
/// has removed the cause. So a level that still stands then is signalled again only a little later, when the guest had its chance.
/// The message: one for each rise of the level; <see cref="Again"/> sends one more.
/// </summary>
public sealed unsafe class DeviceInterrupt : IDisposable
{
    private const int UnmaskMilliseconds = 1;

    private readonly Lock _lock = new();
    private readonly ConfigurationSpace _configuration;
    private readonly Timer _afterUnmask;
    private int _pin = -1, _message = -1;
    private bool _level, _isPinMasked;

    internal DeviceInterrupt(ConfigurationSpace configuration)
    {
        _configuration = configuration;
        _afterUnmask = new Timer(_ => Deliver(rise: false));
    }

    /// <summary>Times that the guest was signalled.</summary>
    public long Signals { get; private set; }

    /// <summary>Whether messages are in use.</summary>
    public bool UsesMessages => Volatile.Read(ref _message) >= 0;

    /// <summary>Says whether there is something that the guest should look at.</summary>
    public void Set(bool level)
    {
        lock (_lock)
        {
            bool rise = level && !_level;
            _level = level;
            _configuration.ShowInterrupt(level);
            if (rise)
                Deliver(rise: true);
        }
    }

    /// <summary>The guest looked, and there is more: a message again, if the level still stands.</summary>
    public void Again()
    {
        lock (_lock)
        {
            if (_level)
                Deliver(rise: true);
        }
    }

    public void Dispose()
    {
        _afterUnmask.Dispose();
        Release();
    }

    /// <summary>Serves a request of the other side; takes its file descriptor.</summary>
    internal Errno Configure(in InterruptSet set, in Request request)
    {
        if (set.Index > InterruptIndex.Msi)
            return set.Count == 0 ? Errno.None : Errno.Invalid;
        if (set.Start != 0 || set.Count > 1)
            return Errno.Invalid;
        lock (_lock)
        {
            ref int file = ref set.Index == InterruptIndex.Pin ? ref _pin : ref _message;
            switch (set.Flags)
            {
                case InterruptSet.Trigger | InterruptSet.DataEventFd when set.Count == 1:
                    Replace(ref file, request.TakeFile(0));
                    _isPinMasked &= set.Index != InterruptIndex.Pin;
                    Deliver(rise: true);
                    return Errno.None;
                case InterruptSet.Trigger | InterruptSet.DataNone when set.Count == 0:
                    Replace(ref file, -1);
                    return Errno.None;
                case InterruptSet.Trigger | InterruptSet.DataNone:
                    Signal(file);
                    return Errno.None;
                case InterruptSet.Mask | InterruptSet.DataNone when set.Index == InterruptIndex.Pin:
                    _isPinMasked = true;
                    return Errno.None;
                case InterruptSet.Unmask | InterruptSet.DataNone when set.Index == InterruptIndex.Pin:
                    _isPinMasked = false;
                    if (_level)
                        _afterUnmask.Change(UnmaskMilliseconds, Timeout.Infinite);
                    return Errno.None;
                default:
                    return Errno.NotSupported;
            }
        }
    }

    /// <summary>The guest allowed or forbade the pin.</summary>
    internal void ConfigurationChanged() => Deliver(rise: false);

    /// <summary>The other side is gone, or resets the function.</summary>
    internal void Release()
    {
        lock (_lock)
        {
            Replace(ref _pin, -1);
            Replace(ref _message, -1);
            _isPinMasked = false;
        }
    }

    // Messages tell of rises alone; a pin stands until the cause is gone.
    private void Deliver(bool rise)
    {
        lock (_lock)
        {
            if (!_level)
                return;
            if (_message >= 0)
            {
                if (rise)
                    Signal(_message);
                return;
            }
            if (_pin < 0 || _isPinMasked || _configuration.IsPinDisabled)
                return;
            _isPinMasked = true;
            Signal(_pin);
        }
    }

    private void Signal(int file)
    {
        if (file < 0)
            return;
        ulong one = 1;
        // It can only fail if nobody has taken 2^64 - 2 of them.
        if (Native.Write(file, &one, sizeof(ulong)) == sizeof(ulong))
            Signals++;
    }

    private static void Replace(ref int file, int with)
    {
        if (file >= 0)
            Native.Close(file);
        file = with;
    }
}
