namespace Sluice.Tests.FireWire.Second;

/// <summary>A part of the controller that does one thing after the other, each some time after the one before.</summary>
internal abstract class Unit(SecondController controller)
{
    private bool _isDue;

    protected SecondController Controller { get; } = controller;

    protected Lot Lot => Controller.Lot;

    /// <summary>Something may be to be done.</summary>
    public void Kick()
    {
        if (_isDue)
            return;
        _isDue = true;
        Controller.Later(Delay(), () =>
        {
            _isDue = false;
            Controller.Note($"{this}");
            if (Step())
                Kick();
        });
    }

    /// <summary>The CPU is slow: what is to be done next is done now.</summary>
    public void RunAlong()
    {
        if (_isDue)
            Step();
    }

    /// <summary>The controller was reset: nothing that was to be done is.</summary>
    public virtual void Forget() => _isDue = false;

    /// <summary>Does the next thing. Called also when there is none.</summary>
    /// <returns>Whether another follows without anybody's doing.</returns>
    protected abstract bool Step();

    protected virtual long Delay() => Lot.Delay();
}
