using Sluice.FireWire.Core;
using Sluice.Platform;

namespace Sluice.Boot;

/// <summary>A transaction that somebody waits for, in the CPU's loop: the shell, self-tests, measurements. Made while starting.</summary>
internal sealed class FireWireCall : ITransactionHandler
{
    private const ulong Look = 20_000;

    public FireWireCall() => Transaction = new Transaction(this);

    /// <summary>To be filled, and given to <see cref="Run"/>.</summary>
    public Transaction Transaction { get; }

    /// <summary>Carries it out, and waits until it has ended: it always does.</summary>
    public TransactionResult Run(FireWireBus bus)
    {
        bus.Submit(Transaction);
        while (Transaction.IsUnderWay)
            WorkLoop.Turn(Deadline.In(Look));
        return Transaction.Result;
    }

    /// <inheritdoc/>
    public void OnDone(Transaction transaction)
    {
    }
}
